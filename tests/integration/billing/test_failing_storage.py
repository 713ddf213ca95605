"""Twenty requests whose storage fails once, at every call of the driver in turn.

Whatever fails: who got the end of an answer is charged for it once, who did not is not, and the next request
is served.
"""

import itertools
import shutil
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.integration.billing.failing_disk import ERRORS, compiler, sweep
from tests.integration.billing.failing_shop import RUNS, open_shop
from tests.integration.billing.faulty_storage import POSTGRESQL_FAULTS, SQLITE_FAULTS, Fault, Plan
from tests.integration.billing.twenty_requests import KINDS, send
from tests.postgresql_server import PostgresqlServer

FEW = KINDS[:2]  # of which every call fails where seconds count, with one fault after the other
NO_FAULT = Fault("none", RuntimeError)


@pytest.fixture
def memory_folder() -> Generator[Path]:
    """A folder on a disk that is quick, where there is one: here only the order of calls matters."""
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=shared if shared.is_dir() else None))
    yield folder
    shutil.rmtree(folder)


def faults_of(url: str) -> tuple[Fault, ...]:
    return SQLITE_FAULTS if url.startswith("sqlite") else POSTGRESQL_FAULTS


@pytest.fixture(params=["sqlite", "postgresql"])
def urls(request: pytest.FixtureRequest, memory_folder: Path) -> Generator[str]:
    """Fresh databases of one kind, as many as are asked for."""
    if request.param == "sqlite":
        return (f"sqlite:///{memory_folder / f'sayso{number}.db'}" for number in itertools.count())
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    return (server.new_database() for _ in itertools.count())


async def test_without_a_fault_every_request_ends_as_it_should(
    urls: Generator[str], memory_folder: Path
) -> None:
    async with open_shop(next(urls), memory_folder, Plan()) as shop:
        assert not await shop.run("whole", 0, NO_FAULT)
        answered = [await send(shop.app, kind, "again") for kind in KINDS]
    assert [one.kind for one in answered if one.failed] == []
    assert sum(one.ended for one in answered) == len(KINDS) - 6  # left, refused, unknown, twice the same key


async def test_a_storage_that_fails_once(urls: Generator[str], memory_folder: Path) -> None:
    url = next(urls)
    faults = itertools.cycle(faults_of(url))
    async with open_shop(url, memory_folder, Plan()) as shop:
        runs = 0
        for at in itertools.count(1):
            if not await shop.run(f"{at}", at, next(faults), FEW):
                break
            runs += 1
    assert runs > 25


@pytest.mark.long
@pytest.mark.timeout(3_000)
async def test_a_storage_that_fails_at_every_call(urls: Generator[str], memory_folder: Path) -> None:
    begun, reached, first = time.monotonic(), {}, next(urls)
    for fault in faults_of(first):
        numbers, struck = itertools.count(1), True
        while struck:
            async with open_shop(next(urls), memory_folder, Plan()) as shop:
                for at in itertools.islice(numbers, RUNS):
                    if not (struck := await shop.run(f"{at}", at, fault)):
                        reached[fault.name] = at
                        break
    print(f"{first.partition(':')[0]}: passed at call {reached}, {time.monotonic() - begun:.0f} s")
    assert min(reached.values()) > 60


@pytest.fixture
def small_library_folder(memory_folder: Path) -> Path:
    """The folder where the preloaded library is made."""
    if compiler() is None:
        pytest.skip("there is no C compiler: only the driver's failures are tested, not the system's")
    return memory_folder


def test_a_disk_that_fails_once(small_library_folder: Path) -> None:
    reached = sweep(small_library_folder, str(len(FEW)), "7", *ERRORS, seconds=60)
    assert min(reached.values()) > 60


@pytest.mark.long
@pytest.mark.timeout(3_000)
def test_a_disk_that_fails_at_every_call(small_library_folder: Path) -> None:
    begun = time.monotonic()
    reached = sweep(small_library_folder, str(len(KINDS)), "1", *ERRORS, seconds=3_000)
    print(f"system calls of SQLite: passed at {reached}, {time.monotonic() - begun:.0f} s")
    assert min(reached.values()) > 500
