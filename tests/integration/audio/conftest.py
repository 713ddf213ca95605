from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sayso.audio.decoding import AudioDecoder
from tests.integration.audio.made_recordings import RECORDINGS


@pytest.fixture(scope="session")
def recordings() -> dict[str, bytes]:
    return {name: make() for name, make in RECORDINGS.items()}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def decoder() -> AsyncIterator[AudioDecoder]:
    decoder = AudioDecoder(max_audio_seconds=900)
    await decoder.start()
    yield decoder
    await decoder.close()
