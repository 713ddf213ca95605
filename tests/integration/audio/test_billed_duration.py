"""What is billed is the sound that was decoded, whatever a container claims."""

from collections.abc import Callable

import pytest

from sayso.audio.decoding import AudioDecoder
from tests.integration.audio.lying_recordings import Recording, lying_recordings, vorbis_recording

TOLERANCE = 0.020  # seconds

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def lying() -> list[Recording]:
    return list(lying_recordings())


async def test_two_hundred_lying_files_are_as_long_as_their_sound(
    decoder: AudioDecoder, lying: list[Recording], record_property: Callable[[str, object], None]
) -> None:
    errors = {one.name: (await decoder.decode(one.content)).seconds - one.seconds for one in lying}
    assert len(errors) == len(lying) >= 200, "each has a name of its own"
    worst = max(errors, key=lambda name: abs(errors[name]))
    record_property("largest_error_seconds", f"{worst}: {errors[worst]:+.6f}")
    print(f"\n{len(errors)} files, largest error {errors[worst] * 1000:+.3f} ms in {worst}")
    assert {name: error for name, error in errors.items() if abs(error) > TOLERANCE} == {}


@pytest.mark.parametrize("seconds", [0.2, 0.37, 0.6])
async def test_vorbis_on_a_single_page_is_right_to_one_block(decoder: AudioDecoder, seconds: float) -> None:
    # FFmpeg can not tell where such a stream begins, so it cuts its end to a whole block of 1024 samples.
    short = vorbis_recording(22_050, seconds)
    assert abs((await decoder.decode(short.content)).seconds - short.seconds) <= 1024 / 22_050
