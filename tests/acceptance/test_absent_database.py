"""A database that is away for a while: what runs ends and is charged once, what comes is refused at once."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from sayso.billing.tables import HoldRow, UsageEventRow
from sayso.billing.verify import verify
from sayso.db.session import Database
from tests.acceptance.outages import Outage, outage
from tests.acceptance.running_server import RunningServer, start_server
from tests.postgresql_server import PostgresqlServer, binaries, running_postgresql

SCRIPTED = """
load_models = ["slow", "fast"]
[models.slow]
kind = "chat"
engine = "fake"
context_length = 8192
script = '{"token_seconds": 0.02}'
[models.fast]
kind = "chat"
engine = "fake"
"""
CHAT = "/v1/chat/completions"
SHORT_SECONDS, LONG_SECONDS = 2.5, 30.0
NEW_CALL = {"model": "fast", "messages": [{"role": "user", "content": "Hi"}]}
# What the requirements allow, in seconds.
REFUSED_WITHIN, NOT_READY_WITHIN, RECOVERED_WITHIN = 1.0, 2.0, 5.0


@dataclass
class Place:
    """A server, the database that it uses, and how to take that away."""

    server: RunningServer
    url: str
    database: PostgresqlServer | str

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[httpx.AsyncClient]:
        headers = {"authorization": f"Bearer {self.server.key}"}
        async with httpx.AsyncClient(base_url=self.server.root_url, headers=headers, timeout=60) as made:
            yield made

    def spooled(self) -> bytes:
        """What waits in the data folder."""
        files = self.server.folder.glob("settlements-*")
        return b"".join(file.read_bytes() for file in files).strip(b"\0")

    async def has_nothing_waiting(self) -> bool:
        return not self.spooled()

    async def usage(self) -> dict[str, dict[str, Any]]:
        """The usage events by request, once the books have been verified."""
        async with Database.open(self.url) as database:
            assert (await verify(database)).divergence is None
            async with database.read() as session:
                rows = await session.execute(select(UsageEventRow.__table__))
                return {row["request_id"]: dict(row) for row in rows.mappings()}

    async def holds(self) -> int:
        async with Database.open(self.url) as database, database.read() as session:
            return int(await session.scalar(select(func.count()).select_from(HoldRow)) or 0)


@pytest.fixture(scope="module")
def postgresql(postgresql_server: PostgresqlServer) -> Generator[PostgresqlServer]:
    """One of these tests' own, which keeps what it committed when it is killed."""
    programs = binaries()
    assert programs is not None
    with running_postgresql(programs, settings=()) as server:
        yield server


Open = Callable[[Outage], Place]


@pytest.fixture
def open_place(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Open]:
    """Start a server whose database can be taken away in this way."""
    started: list[RunningServer] = []

    def start(kind: Outage) -> Place:
        (tmp_path / "sayso.toml").write_text(SCRIPTED)
        if kind == "locked":
            url, database = f"sqlite:///{tmp_path / 'sayso.db'}", str(tmp_path / "sayso.db")
            place = Place(start_server(tmp_path), url, database)
        else:
            server: PostgresqlServer = request.getfixturevalue("postgresql")
            url = server.new_database()
            at = server.over_tcp(url) if kind != "frozen" else url
            place = Place(start_server(tmp_path, SAYSO_DATABASE_URL=at), url, server)
        started.append(place.server)
        return place

    yield start
    for server in started:
        if server.process.poll() is None:
            assert server.stop() == 0


@dataclass
class Answer:
    """What a client has got of one answer."""

    words: int
    stream: bool
    request_id: str = ""
    usage: dict[str, int] | None = None
    done: bool = False
    pieces: list[str] = field(default_factory=list)


async def ask(client: httpx.AsyncClient, answer: Answer) -> Answer:
    """Ask for `words` tokens, 50 a second."""
    body: dict[str, Any] = {
        "model": "slow",
        "messages": [{"role": "user", "content": "word " * answer.words}],
        "stream": answer.stream,
    }
    if answer.stream:
        body["stream_options"] = {"include_usage": True}
    async with client.stream("POST", CHAT, json=body) as response:
        assert response.status_code == 200, await response.aread()
        answer.request_id = response.headers["x-request-id"]
        if not answer.stream:
            answer.usage = json.loads(await response.aread())["usage"]
            answer.done = True
            return answer
        async for frame in _frames(response):
            if frame == "[DONE]":
                answer.done = True
                continue
            chunk = json.loads(frame)
            assert "error" not in chunk, frame
            answer.usage = chunk["usage"] or answer.usage
            answer.pieces += [choice["delta"].get("content") or "" for choice in chunk["choices"]]
    return answer


async def _frames(response: httpx.Response) -> AsyncIterator[str]:
    async for line in response.aiter_lines():
        if line.startswith("data: "):
            yield line[6:]


async def timed(client: httpx.AsyncClient, path: str) -> tuple[int, float]:
    begun = time.monotonic()
    answer = await (client.post(path, json=NEW_CALL) if path == CHAT else client.get(path))
    return answer.status_code, time.monotonic() - begun


async def until(reached: Callable[[], Awaitable[bool]], within: float) -> float:
    """Ask until the answer is yes; return how long that took, in seconds."""
    begun = time.monotonic()
    async with asyncio.timeout(within):
        while not await reached():  # noqa: ASYNC110 - it is in another process
            await asyncio.sleep(0.02)
    return time.monotonic() - begun


async def until_status(client: httpx.AsyncClient, path: str, status: int, within: float) -> float:
    async def seen() -> bool:
        return (await timed(client, path))[0] == status

    return await until(seen, within)


async def look_at_the_outage(client: httpx.AsyncClient, seconds: float) -> float:
    """Check what strangers see until the outage is over; return the longest refusal, in seconds."""
    begun, refusals = time.monotonic(), [0.0]
    ready = asyncio.create_task(until_status(client, "/readyz", 503, NOT_READY_WITHIN))
    while time.monotonic() - begun < seconds:
        new = [timed(client, CHAT) for _ in range(4)]
        (alive, _), *calls = await asyncio.gather(timed(client, "/livez"), *new)
        assert alive == 200
        assert {status for status, _ in calls} == {503}
        refusals += [took for _, took in calls]
        await asyncio.sleep(0.05)
    await ready
    assert (await timed(client, "/readyz"))[0] == 503
    assert max(refusals) <= REFUSED_WITHIN
    return max(refusals)


def running(client: httpx.AsyncClient, seconds: float) -> list["asyncio.Task[Answer]"]:
    """Begin answers that end at different moments of an outage of so many seconds, and after it."""
    words = [round(50 * seconds * part) for part in (0.3, 0.45, 0.6, 0.9, 1.3)]
    asked = [Answer(count, stream) for count, stream in itertools.product(words, (True, False))]
    return [asyncio.create_task(ask(client, answer)) for answer in asked]


async def begun(place: Place, count: int) -> None:
    """Wait until so many requests have been admitted."""

    async def admitted() -> bool:
        return await place.holds() >= count

    await until(admitted, 10.0)


def agree(answers: list[Answer], usage: dict[str, dict[str, Any]]) -> None:
    """Every answer came whole, and was charged once for what it said."""
    for answer in answers:
        row = usage.pop(answer.request_id)
        assert answer.done
        assert answer.usage is not None
        assert answer.usage["completion_tokens"] == answer.words
        assert row["outcome"] == "completed"
        assert row["charge"] == 2_000 * answer.usage["total_tokens"]
        assert (row["prompt_tokens"], row["completion_tokens"]) == (answer.words, answer.words)
        if answer.stream:
            assert "".join(answer.pieces).split() == ["word"] * answer.words


async def outage_passes(place: Place, kind: Outage, seconds: float) -> None:
    async with place.client() as client:
        assert (await timed(client, CHAT))[0] == 200
        assert (await timed(client, "/readyz"))[0] == 200
        answers = running(client, seconds)
        await begun(place, 1 + len(answers))
        with outage(kind, place.database):
            refused = await look_at_the_outage(client, seconds)
            assert sum(task.done() for task in answers) >= len(answers) * 0.5
            assert place.spooled()
        back = await until_status(client, CHAT, 200, RECOVERED_WITHIN)
        await until_status(client, "/readyz", 200, RECOVERED_WITHIN)
        done = await asyncio.gather(*answers)
        await until(place.has_nothing_waiting, RECOVERED_WITHIN)
        print(f"{kind} {seconds:.0f} s: refused within {refused:.2f} s, back within {back:.2f} s")
    usage = await place.usage()
    agree(done, usage)
    assert {row["model"] for row in usage.values()} == {"fast"}
    assert "settlement_kept" in place.server.log


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("stopped", marks=pytest.mark.long),
        pytest.param("killed", marks=pytest.mark.long),
        "frozen",
        "locked",
    ],
)
async def test_a_short_outage(open_place: Open, kind: Outage) -> None:
    await outage_passes(open_place(kind), kind, SHORT_SECONDS)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["stopped", "killed", "frozen", "locked"])
async def test_an_outage_of_half_a_minute(open_place: Open, kind: Outage) -> None:
    await outage_passes(open_place(kind), kind, LONG_SECONDS)


@pytest.mark.long
async def test_a_gateway_that_is_killed_in_an_outage_settles_when_it_is_back(open_place: Open) -> None:
    place = open_place("stopped")
    async with place.client() as client:
        answers = [asyncio.create_task(ask(client, Answer(20, stream))) for stream in (True, False) * 3]
        await begun(place, len(answers))
        with outage("stopped", place.database):
            done = await asyncio.gather(*answers)
            place.server.process.kill()
            assert place.server.stop() != 0
    assert await place.usage() == {}
    again = start_server(place.server.folder, SAYSO_DATABASE_URL=place.url)
    try:
        await until(place.has_nothing_waiting, RECOVERED_WITHIN)
    finally:
        assert again.stop() == 0
    usage = await place.usage()
    agree(done, usage)
    assert usage == {}
