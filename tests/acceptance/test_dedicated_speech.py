"""A dedicated instance of Whisper: its load is its project's, and nobody else's is its.

One core is the instance's and one everybody's: figures are those of a machine with nothing else to do.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from sayso.core.cores import usable_cores
from sayso.dedicated.curve import Transcript
from sayso.engines.config import EngineConfig
from tests.acceptance.bare_answers import BareTranscripts
from tests.acceptance.bare_neighbours import Neighbours, allowed, bare_neighbours, in_turns
from tests.acceptance.commands import sayso
from tests.acceptance.core_pace import WITHIN_SECONDS, Compared, Paced, paced
from tests.acceptance.dedicated_servers import (
    a_flood,
    configure,
    create,
    instance_hosts,
    other_key,
    paid_until_now,
    until_status,
    write_settings,
)
from tests.acceptance.first_tokens import ahead_of_others
from tests.acceptance.running_server import RunningServer, start_server
from tests.acceptance.server_books import rows

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

LONGEST = 112  # seconds, which the recording in the test of it just has not
POOL_STREAMS = 2  # at once in the shared pool
SETTINGS = f"""
speech_max_concurrency = {POOL_STREAMS}
speech_queue_depth = 2
max_audio_seconds = {LONGEST}
"""
SAMPLES = 15  # transcripts in a turn
FLOODING = 12  # clients, three times what the pool has room for
WAITING = ("--queue-depth", "100", "--max-wait-ms", "600000")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The embedded models, and an instance of the speech model that is called `ears`."""
    folder = tmp_path_factory.mktemp("dedicated-speech")
    write_settings(folder, SETTINGS)
    running = start_server(folder)
    try:
        create(running, "ears", "--memory-mib", "3072", model="whisper-1")
        yield running
    finally:
        assert running.stop() == 0


@pytest.fixture
async def client(server: RunningServer) -> AsyncIterator[httpx.AsyncClient]:
    """The project that has the instance."""
    async with client_of(server, server.key) as made:
        yield made


@pytest.fixture
async def stranger(server: RunningServer) -> AsyncIterator[httpx.AsyncClient]:
    """Another organization."""
    async with client_of(server, other_key(server)) as made:
        yield made


@pytest.fixture
def sentence(speech_folder: Path) -> Path:
    """A sentence of less than three seconds."""
    return speech_folder / "en" / "speechbrain_harvard" / "spk1_snt5.wav"


def client_of(server: RunningServer, key: str) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.AsyncClient(base_url=server.base_url, headers=headers, timeout=600)


async def ask(client: httpx.AsyncClient, content: bytes) -> httpx.Response:
    return await client.post(
        "/audio/transcriptions",
        data={"model": "whisper-1", "response_format": "verbose_json", "language": "en"},
        files={"file": content},
    )


async def insist(client: httpx.AsyncClient, content: bytes) -> httpx.Response:
    """Ask until there is room."""
    while (answer := await ask(client, content)).status_code == 503:  # noqa: ASYNC110 - a server sends no event
        await asyncio.sleep(0.1)
    return answer


async def heard(client: httpx.AsyncClient, content: bytes) -> Transcript:
    """Time a transcript. Raises `AssertionError` for a refusal."""
    begun = time.perf_counter()
    answer = await ask(client, content)
    seconds = time.perf_counter() - begun
    assert answer.status_code == 200, answer.text
    return Transcript(seconds, answer.json()["duration"])


async def drive(client: httpx.AsyncClient, concurrency: int, count: int, recording: Path) -> list[Transcript]:
    """Keep so many recordings under way until there were `count`; each must be heard."""
    content = await asyncio.to_thread(recording.read_bytes)
    numbers = iter(range(count))
    transcripts: list[Transcript] = []

    async def one() -> None:
        for _ in numbers:
            transcripts.append(await heard(client, content))

    await asyncio.gather(*(one() for _ in range(concurrency)))
    return transcripts


async def beside_a_flood(
    server: RunningServer,
    measured: httpx.AsyncClient,
    flooding_key: str,
    sentence: Path,
    neighbours: Neighbours,
) -> tuple[float, float]:
    """Ask while nothing else happens and beside a flood, in turns.

    Return the server's slowdown, and in the same minutes that of two bare engines on the same two cores.
    """
    content = await asyncio.to_thread(sentence.read_bytes)

    async def ask_on() -> list[Paced[Transcript]]:
        with ahead_of_others() as place:
            one = partial(heard, measured, content)
            return [await paced(neighbours.core, place, one) for _ in range(SAMPLES)]

    print()
    ask_bare = partial(neighbours.timed.ask, "transcripts", SAMPLES)
    flood = partial(a_flood, server, flooding_key, FLOODING, sentence)
    served, bare = await in_turns(neighbours, ask_on, ask_bare, flood)
    return _slowdown(served), _slowdown(bare)


def _slowdown(compared: Compared[Transcript]) -> float:
    return compared.slowdown("a transcript", lambda one: one.seconds)


@pytest.mark.timeout(WITHIN_SECONDS + 200)
async def test_a_flood_on_the_shared_pool_leaves_the_instance_alone(
    server: RunningServer, client: httpx.AsyncClient, whisper_config: EngineConfig, sentence: Path
) -> None:
    configure(server, 4, "queue", *WAITING, name="ears")
    engine = partial(BareTranscripts, sentence)
    with bare_neighbours(engine, whisper_config, usable_cores()[-1], streams=POOL_STREAMS) as neighbours:
        served, bare = await beside_a_flood(server, client, other_key(server), sentence, neighbours)
    assert served <= allowed(bare)


@pytest.mark.timeout(WITHIN_SECONDS + 200)
async def test_a_flood_on_the_instance_leaves_the_shared_pool_alone(
    server: RunningServer, stranger: httpx.AsyncClient, whisper_config: EngineConfig, sentence: Path
) -> None:
    configure(server, 4, "queue", *WAITING, name="ears")
    engine = partial(BareTranscripts, sentence)
    config = replace(whisper_config, max_concurrency=4)
    with bare_neighbours(engine, config, usable_cores()[0], streams=4) as neighbours:
        served, bare = await beside_a_flood(server, stranger, server.key, sentence, neighbours)
    assert served <= allowed(bare)


def test_the_curve_does_not_fall_and_can_be_measured_again(server: RunningServer, recording: Path) -> None:
    configure(server, 16, "queue", *WAITING, name="ears")
    curves = [curve(server, recording) for _ in range(2)]
    for levels in curves:
        assert [one["concurrency"] for one in levels] == [1, 2, 4, 8, 16]
        for lower, higher in pairwise(levels):
            assert higher["audio_seconds_per_second"] >= 0.95 * lower["audio_seconds_per_second"]
            assert higher["request_p50"] >= 0.95 * lower["request_p50"]
    for one, again in zip(*curves, strict=True):
        assert again["audio_seconds_per_second"] == pytest.approx(one["audio_seconds_per_second"], rel=0.15)


def curve(server: RunningServer, recording: Path) -> list[dict[str, Any]]:
    """Measure the curve as an operator does."""
    levels: list[dict[str, Any]] = sayso(
        server.folder, "instances", "curve", "ears", "--audio", str(recording)
    )
    print("\n" + json.dumps(levels))
    assert list(server.folder.glob("curve-inst_*.svg"))
    return levels


async def test_the_longest_recording_at_the_full_concurrency(
    server: RunningServer,
    client: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    speech_folder: Path,
    sentence: Path,
) -> None:
    configure(server, 4, "queue", *WAITING, name="ears")
    longest = await asyncio.to_thread((speech_folder / "longform" / "lj001_dev.m4a").read_bytes)
    answers = await asyncio.gather(*(ask(client, longest) for _ in range(4)))
    assert {one.status_code for one in answers} == {200}
    # To the last sentence: nothing was cut off.
    assert min(one.json()["duration"] for one in answers) > LONGEST - 1
    assert min(one.json()["segments"][-1]["end"] for one in answers) > LONGEST - 3
    # The pool has room for two, and for two more that wait.
    busy = [asyncio.create_task(insist(stranger, longest)) for _ in range(4)]
    short = await asyncio.to_thread(sentence.read_bytes)
    while (refused := await ask(stranger, short)).status_code == 200:
        assert not all(one.done() for one in busy)
        await asyncio.sleep(0.5)  # its place is the fourth long one's, if that asks first
    assert refused.status_code == 503
    await asyncio.gather(*busy)
    longer = await asyncio.to_thread((speech_folder / "longform" / "asterisk_ru_dev.webm").read_bytes)
    assert (await ask(client, longer)).status_code == 400


async def test_recordings_through_a_change_of_hosts(
    server: RunningServer, client: httpx.AsyncClient, sentence: Path
) -> None:
    configure(server, 8, "queue", *WAITING, name="ears")
    before = instance_hosts(server)
    query = (
        "SELECT count(*), coalesce(sum(audio_milliseconds), 0), coalesce(sum(charge), 0) FROM usage_events"
    )
    ((known, known_milliseconds, known_charge),) = rows(server, query)
    begun = time.time()
    paid = await paid_until_now(server, "ears")
    driving = asyncio.create_task(drive(client, 8, 120, sentence))
    await asyncio.sleep(2)
    await asyncio.to_thread(configure, server, 8, "queue", "--max-batch-tokens", "1024", name="ears")
    assert not driving.done()
    transcripts = await driving
    assert not before & instance_hosts(server)
    driven = time.time() - begun
    assert await paid_until_now(server, "ears") - paid == pytest.approx(driven, abs=2)
    ((count, milliseconds, charge),) = rows(server, query)
    assert (count - known, charge - known_charge) == (120, 0)
    wanted = sum(one.audio_seconds for one in transcripts) * 1_000
    assert milliseconds - known_milliseconds == pytest.approx(wanted, abs=120)
    until_status(server, "ears", "ready")
