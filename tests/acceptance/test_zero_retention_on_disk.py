"""Under zero retention nothing that is said gets onto a disk: by what the kernel is asked to write there, and
by the disk itself, searched byte for byte.
"""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from sayso.cli.proof.canaries import make_canary
from sayso.cli.proof.tenants import make_subjects
from sayso.config import Settings
from sayso.retention.residue.needles import Needle
from sayso.retention.residue.scan import scan
from tests.acceptance.disk_images import disk_image, why_no_image
from tests.acceptance.running_server import SAYSO, RunningServer, start_server
from tests.acceptance.write_traces import Trace, read_trace, tracer_of, tracing, until_ended, why_no_trace
from tests.acceptance.zero_traffic import Models, Traffic
from tests.postgresql_server import PostgresqlServer

pytestmark = pytest.mark.timeout(600)  # real engines under a trace take their time
SPOKEN = f"what was heard is {secrets.token_hex(8)} and {secrets.token_hex(8)}"
SETTINGS = f"""
load_models = ["echo", "ear"]
log_level = "debug"
[models.echo]
kind = "chat"
engine = "fake"
script = '{{"token_seconds": 0.005}}'
[models.ear]
kind = "speech"
engine = "fake"
script = '{{"token_seconds": 0.01, "reply": "{SPOKEN}"}}'
"""
SCRIPTED, REAL = Models("echo", "ear", SPOKEN), Models("gpt-3.5-turbo", "whisper-1", repeats=15)
# Cores as large as they like: it is for the server to forbid them.
UNLIMITED = ("sh", "-c", 'ulimit -c unlimited && exec "$@"', "sh")
LEAKING = (sys.executable, str(Path(__file__).with_name("leaking_first.py")))
SPOOLING = (sys.executable, "-m", "tests.acceptance.spooling_sayso")
DISK = 128  # MiB


@dataclass
class Episode:
    """What a server left that is gone: patterns of what was said to it, its files, its trace and its disk.

    `leaked` are patterns of what was written to the disk on purpose, before the server came up; `database`
    is the address of one elsewhere.
    """

    said: dict[str, list[Needle]]
    leaked: list[Needle]
    files: set[str]
    database: set[str]
    trace: Trace | None = None
    written: Path | None = None
    image: Path | None = None

    @property
    def needles(self) -> list[Needle]:
        return [needle for needles in self.said.values() for needle in needles]


@pytest.fixture(scope="module")
def missing() -> dict[str, str]:
    """What can not be had here, and why."""
    return {"trace": why_no_trace(), "image": why_no_image()}


def skip_without(missing: dict[str, str], what: str) -> None:
    """Skip, or fail where the environment asks for it, with the reason."""
    if missing[what]:
        if os.environ.get(f"REQUIRE_{what.upper()}"):
            pytest.fail(missing[what])
        pytest.skip(missing[what])


@dataclass
class Stage:
    """Where a server lives and how it starts. `real`: the folder of the models, if real ones are asked."""

    folder: Path
    missing: dict[str, str]
    command: Sequence[str] = SAYSO
    real: Path | None = None
    url: str = ""

    def live(self) -> Episode:
        """Run a server through everything, on a disk of its own, and crash it."""
        with ExitStack() as stack:
            image = None if self.missing["image"] else stack.enter_context(disk_image(DISK))
            disk = image.folder if image else self.folder / "disk"
            leaked = self._leaking()
            server, key = self._start(disk)
            models = REAL if self.real else SCRIPTED
            tracer = None if self.missing["trace"] else tracer_of(server.process.pid)
            with ending(server), contextlib.closing(Traffic(server, key, models)) as traffic:
                traffic.all_but_crashes()
                traffic.killed_below()
                assert traffic.killed() == -signal.SIGSEGV
            files = {str(file.relative_to(disk)) for file in disk.rglob("*")}
            episode = Episode(traffic.said, leaked, files, self._database)
            if tracer is not None:
                until_ended(tracer, 20)
                episode.trace = read_trace(self._output, httpx.URL(server.base_url).port or 0)
                episode.written = episode.trace.save(self.folder / "written")
                for file in episode.trace.mapped:
                    shutil.copy(file, episode.written / f"mapped {file.name}")
                self._output.unlink()
            if image is not None:
                image.unmount()
                episode.image = image.raw(self.folder / "image")
            return episode

    @property
    def _output(self) -> Path:
        return self.folder / "trace"

    @property
    def _database(self) -> set[str]:
        url = urlsplit(self.url)
        return {f"AF_INET {url.hostname} {url.port}"} if self.url else set()

    def _leaking(self) -> list[Needle]:
        canary = make_canary("leaked", audio_seconds=60)
        (self.folder / "leaked").write_bytes(canary.text.encode() + canary.recording)
        return canary.needles

    def _start(self, disk: Path) -> tuple[RunningServer, str]:
        data, temporary = disk / "data", disk / "tmp"
        for made in (data, temporary):
            made.mkdir(parents=True)
        config = self.folder / "sayso.toml"  # elsewhere: it holds what the engine will say
        config.write_text("" if self.real else SETTINGS)
        if self.real:
            (data / "models").symlink_to(self.real)
        environment = {"TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(sys.path)}
        database = {"database_url": self.url} if self.url else {}
        environment |= {f"SAYSO_{name.upper()}": value for name, value in database.items()}
        _, zero = asyncio.run(make_subjects(Settings.model_validate({"data_dir": data, **database})))
        words = [*UNLIMITED] if self.missing["trace"] else [*UNLIMITED, *tracing(self._output)]
        words += [*LEAKING, str(self.folder / "leaked"), *self.command]
        return start_server(data, "--config", str(config), command=words, **environment), zero.key


@contextmanager
def ending(server: RunningServer) -> Iterator[None]:
    """Have the server ended, whatever happens."""
    try:
        yield
    finally:
        try:
            server.stop()
        finally:
            server.process.kill()


@pytest.fixture(
    scope="module",
    params=[
        "scripted",
        pytest.param("scripted, postgresql", marks=pytest.mark.long),
        pytest.param("real", marks=pytest.mark.long),
    ],
)
def episode(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, missing: dict[str, str]
) -> Episode:
    stage = Stage(tmp_path_factory.mktemp("zero"), missing)
    if request.param == "real":
        server: RunningServer = request.getfixturevalue("server")
        stage.real = server.folder / "models"
    elif request.param == "scripted, postgresql":
        database: PostgresqlServer = request.getfixturevalue("postgresql_server")
        stage.url = database.over_tcp(database.new_database())
    return stage.live()


def test_no_byte_of_it_is_written_to_a_disk(episode: Episode, missing: dict[str, str]) -> None:
    skip_without(missing, "trace")
    trace, written = episode.trace, episode.written
    assert trace is not None
    assert written is not None
    hits = scan([written], episode.needles)
    size = sum(map(len, trace.written.values()))
    print(f"{len(hits)} hits of {len(episode.needles)} patterns in {size} bytes that were written to a disk")
    assert hits == []
    # Mapped: SQLite's index of its log, the list of answers under way (ids and amounts), and the weights,
    # which OpenVINO maps as if to write to them. What was in the first two at the end has been searched.
    mapped = {Path(call).name for call in trace.unseen if not call.endswith(".gguf")}
    assert {name.partition("-")[0] for name in mapped} <= {"sayso.db", "unsent"}
    assert {Path(address).name for address in trace.connected} - episode.database == {"engine.sock"}
    assert scan([written], episode.leaked), "the control: what was spooled into a file without a name"


def test_no_byte_of_it_is_on_the_disk(episode: Episode, missing: dict[str, str]) -> None:
    skip_without(missing, "image")
    assert episode.image is not None
    hits = scan([episode.image], episode.needles)
    print(f"{len(hits)} hits of {len(episode.needles)} patterns in {episode.image.stat().st_size} bytes")
    assert hits == []
    assert scan([episode.image], episode.leaked), "the control: what was spooled into a file without a name"


def test_neither_a_key_nor_a_core_is_left(episode: Episode) -> None:
    names = {Path(file).name for file in episode.files}
    assert "server.json" in names, "it was there"
    assert not {name for name in names if name.startswith("core") or name.endswith(".keys")}


@pytest.mark.long
def test_what_is_spooled_would_be_found(tmp_path: Path, missing: dict[str, str]) -> None:
    """The control: the same requests to a server that spools what it is sent."""
    for what in missing:
        skip_without(missing, what)
    episode = Stage(tmp_path, missing, command=SPOOLING).live()
    sent = {name for name in episode.said if "answer" not in name and name != "a transcript"}
    for place in (episode.written, episode.image):
        assert place is not None
        found = {hit.name for hit in scan([place], episode.needles)}
        assert sent <= found
    assert not [file for file in episode.files if file.startswith("tmp/tmp")], "and no folder showed it"
