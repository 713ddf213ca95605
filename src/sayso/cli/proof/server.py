"""A server for the proof: `sayso serve` in a process of its own, in a folder of its own."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from sayso.app.server_file import ServerFile
from sayso.config import Settings, child_environment
from sayso.errors import ConfigurationError

START_SECONDS = 60.0
STOP_SECONDS = 60.0
SETTINGS = """\
load_models = ["echo", "ear"]
log_level = "debug"
[models.echo]
kind = "chat"
engine = "fake"
script = '{"token_seconds": 0.005}'
[models.ear]
kind = "speech"
engine = "fake"
"""


@dataclass(frozen=True, slots=True)
class ProofFolder:
    """Where everything of the proof lies."""

    root: Path
    settings: Settings

    @property
    def log(self) -> Path:
        """What the server prints, at its most talkative."""
        return self.root / "server.log"

    @property
    def temporary(self) -> Path:
        """Where the server's temporary files go."""
        return self.root / "tmp"


@dataclass(frozen=True, slots=True)
class ProofServer:
    """A server that runs."""

    base_url: str
    pid: int


@asynccontextmanager
async def running(folder: ProofFolder) -> AsyncGenerator[ProofServer]:
    """Start the server, yield once it answers, stop it as an operator does.

    Raises `ConfigurationError` where it does not start.
    """
    folder.temporary.mkdir(exist_ok=True)
    config = folder.root / "sayso.toml"
    config.write_text(SETTINGS, "utf-8")
    environment = child_environment() | {
        "TMPDIR": str(folder.temporary),
        "SAYSO_DATABASE_URL": folder.settings.database_url,
    }
    words = ("serve", "--port", "0", "--data-dir", str(folder.settings.data_dir), "--config", str(config))
    with folder.log.open("wb") as log:
        process = subprocess.Popen(  # noqa: ASYNC220, S603 - it takes a moment; the words are ours
            [sys.executable, "-m", "sayso", *words],
            stdout=log,
            stderr=log,
            env=environment,
            cwd=folder.root,
        )
    try:
        yield ProofServer(await _answering(folder, process), process.pid)
    finally:
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)


async def _answering(folder: ProofFolder, process: "subprocess.Popen[bytes]") -> str:
    note = ServerFile(folder.settings.data_dir)
    async with aiohttp.ClientSession() as client:
        for _ in range(int(START_SECONDS / 0.1)):
            if process.poll() is not None:
                break
            url = note.base_url()
            if url and await _ready(client, url.removesuffix("/v1")):
                return url
            await asyncio.sleep(0.1)
    raise ConfigurationError(f"the server of the proof did not start: see '{folder.log}'")


async def _ready(client: aiohttp.ClientSession, root: str) -> bool:
    try:
        async with client.get(f"{root}/readyz") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False
