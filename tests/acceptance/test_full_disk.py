"""A disk that is full: no billable work, everything else goes on, and space is found again by itself."""

import asyncio
import os
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.commands import new_admin_key
from tests.acceptance.full_disks import filled, full, may_mount, small_disk
from tests.acceptance.running_server import start_server
from tests.acceptance.test_absent_database import CHAT, SCRIPTED, Answer, Place, agree, ask, begun, until
from tests.postgresql_server import PostgresqlServer, binaries, running_postgresql

RECOVERED_WITHIN = 10.0  # seconds, as the requirements say
WORDS = 80  # which take the engine 1.6 seconds
REFUSALS = 8  # one after the other
READS = ("/v1/models", "/v1/organization/usage/completions?start_time=1", "/v1/organization/projects")


@dataclass
class FullPlace(Place):
    """A server whose storage is on a small disk."""

    folder: Path
    mounted: bool

    def full(self) -> AbstractContextManager[None]:
        if isinstance(self.database, PostgresqlServer):
            return filled(self.folder)
        return full(self.folder, self.server.process.pid, mounted=self.mounted)


@pytest.fixture(params=["sqlite", "sqlite under a limit", pytest.param("postgresql", marks=pytest.mark.long)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[FullPlace]:
    if request.param != "sqlite under a limit" and not may_mount():
        if os.environ.get("REQUIRE_MOUNT"):
            pytest.fail("no file system can be mounted, and REQUIRE_MOUNT asks for it")
        pytest.skip(
            "no file system can be mounted here (root may); the limit on files is tested all the same"
        )
    with ExitStack() as stack:
        if request.param == "postgresql":
            request.getfixturevalue("postgresql_server")  # or this test is skipped
            programs = binaries()
            assert programs is not None
            disk = stack.enter_context(small_disk(96))
            (disk / "tables").mkdir()
            database = stack.enter_context(running_postgresql(programs, tables=disk / "tables"))
            url, folder = database.new_database(), tmp_path
            (folder / "sayso.toml").write_text(SCRIPTED)
            server = start_server(folder, SAYSO_DATABASE_URL=url)
            made = FullPlace(server, url, database, disk, mounted=True)
        else:
            mounted = request.param == "sqlite"
            folder = stack.enter_context(small_disk(24)) if mounted else tmp_path
            (folder / "sayso.toml").write_text(SCRIPTED)
            server = start_server(folder)
            url = f"sqlite:///{folder / 'sayso.db'}"
            made = FullPlace(server, url, str(folder / "sayso.db"), folder, mounted)
        yield made
        assert server.stop() == 0


async def refuse_work(client: httpx.AsyncClient) -> list[Answer]:
    """Ask until nothing is taken any more; return what was still answered, in the last corner of the disk."""
    served: list[Answer] = []
    refused = 0
    async with asyncio.timeout(60):
        while refused < 2 * REFUSALS:
            begun_at = time.monotonic()
            answers = await asyncio.gather(
                *(ask(client, Answer(1, stream)) for stream in (True, False) * REFUSALS),
                return_exceptions=True,
            )
            for answer in answers:
                if isinstance(answer, Answer):
                    served.append(answer)
                    refused = 0
                else:
                    assert isinstance(answer, AssertionError), answer
                    refused += 1
            if refused >= len(answers):  # none of these had work to do first
                assert time.monotonic() - begun_at < 1.0
    return served


async def test_a_full_disk(place: FullPlace) -> None:
    environment = {"SAYSO_DATABASE_URL": place.url}
    admin = {"authorization": f"Bearer {new_admin_key(place.server.folder, 'day', **environment)}"}
    async with place.client() as client:
        done = [await ask(client, Answer(2, True))]
        running = [asyncio.create_task(ask(client, Answer(WORDS, stream))) for stream in (True, False) * 4]
        await begun(place, 1 + len(running))
        with place.full():
            done += await refuse_work(client)
            # What was admitted before ends, and is kept where room was reserved for it.
            done += await asyncio.gather(*running)
            for _ in range(REFUSALS):
                asked = time.monotonic()
                refused = await client.post(CHAT, json=question(WORDS))
                assert refused.status_code == 503, refused.text
                assert refused.headers["retry-after"]
                assert time.monotonic() - asked < 1.0, "the engine has not been asked"
            for path in READS:
                headers = {} if path == READS[0] else admin
                assert (await client.get(path, headers=headers)).status_code == 200, path
            assert (await client.get("/livez")).status_code == 200
            assert place.spooled()

        async def served() -> bool:
            return (await client.post(CHAT, json=question(1))).status_code == 200

        back = await until(served, RECOVERED_WITHIN)
        await until(place.has_nothing_waiting, RECOVERED_WITHIN)
        print(f"{len(done)} answers, back within {back:.2f} s")
    usage = await place.usage()
    agree(done, usage)
    assert len(usage) == 1  # the one that found the space again


def question(words: int) -> dict[str, Any]:
    return {"model": "slow", "messages": [{"role": "user", "content": "word " * words}]}
