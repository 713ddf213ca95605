"""Starts and stops `sayso serve` the way an operator does."""

import asyncio
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx
import psutil

from tests.converted_models import converted_models
from tests.processes import without_settings

START_SECONDS = 120.0


@dataclass
class RunningServer:
    """A server process. `log` is everything that it wrote to standard error."""

    process: "subprocess.Popen[str]"
    base_url: str
    key: str
    folder: Path
    log_file: IO[str]
    started_seconds: float

    @property
    def root_url(self) -> str:
        """The address without `/v1`."""
        return self.base_url.removesuffix("/v1")

    @property
    def log(self) -> str:
        """Standard error so far."""
        return Path(self.log_file.name).read_text()

    def log_with(self, text: str) -> str:
        """Return the log once it holds `text`: a request's line is written after its answer has left."""
        until = time.monotonic() + 5.0
        while text not in (log := self.log):
            assert time.monotonic() < until, f"{text} is not in the log"
            time.sleep(0.01)
        return log

    def hosts(self) -> dict[str, psutil.Process]:
        """Return the engine hosts by the engine's name in their memory: openvino, whisper or other."""
        found: dict[str, psutil.Process] = {}
        for child in psutil.Process(self.process.pid).children():
            if "sayso.engines.host" in " ".join(child.cmdline()):
                maps = " ".join(region.path for region in child.memory_maps())
                name = (
                    "openvino"
                    if "openvino_genai" in maps
                    else "whisper"
                    if "ctranslate2" in maps
                    else "other"
                )
                found[name] = child
        return found

    def all_hosts(self) -> list[psutil.Process]:
        """Return every engine host."""
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if "sayso.engines.host" in " ".join(child.cmdline())]

    def stop(self) -> int:
        """Ask it to stop and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=60)
        self.log_file.close()
        if self.process.stdout is not None:
            self.process.stdout.close()
        return status


SAYSO = (sys.executable, "-m", "sayso")


def start_server(
    folder: Path, *options: str, command: Sequence[str] = SAYSO, **environment: str
) -> RunningServer:
    """Run `sayso serve` on a free port with `folder` as data folder; wait until it says that it is ready."""
    begun = time.monotonic()
    if not (folder / "cache").exists():
        (folder / "cache").symlink_to(converted_models())
    log_file = tempfile.NamedTemporaryFile("w+", dir=folder, suffix=".log", delete=False)  # noqa: SIM115
    process = subprocess.Popen(
        [*command, "serve", "--port", "0", "--data-dir", str(folder), *options],
        stdout=subprocess.PIPE,
        stderr=log_file,
        text=True,
        env={**without_settings(), **environment},
        cwd=folder,
    )
    base_url = key = ""
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"ready at (\S+)", line):
            base_url = found.group(1)
        if "Another key" in line:  # than the one that an earlier start made
            break
        if found := re.search(r"^\s+(sk-sayso-\w+)", line):
            key = found.group(1)
            break
        if time.monotonic() - begun > START_SECONDS:
            break
    if not base_url:
        process.kill()
        process.wait()
        process.stdout.close()
        log_file.close()
        raise AssertionError(f"the server did not start: {Path(log_file.name).read_text()[-2000:]}")
    return RunningServer(process, base_url, key, folder, log_file, time.monotonic() - begun)


async def until_metric(
    server: RunningServer, name: str, reached: Callable[[float], bool], within: float = 10.0, **labels: str
) -> float:
    """Scrape the server until a sample satisfies `reached`; return the seconds that took."""
    begun = time.monotonic()
    async with asyncio.timeout(within), httpx.AsyncClient() as scraper:
        while True:
            page = (await scraper.get(f"{server.root_url}/metrics")).text
            if reached(metric(page, name, **labels)):
                return time.monotonic() - begun
            await asyncio.sleep(0.01)


async def read_metric(server: RunningServer, name: str, **labels: str) -> float:
    """Scrape one sample."""
    async with httpx.AsyncClient() as scraper:
        return metric((await scraper.get(f"{server.root_url}/metrics")).text, name, **labels)


def metric(page: str, name: str, **labels: str) -> float:
    """Return one sample of a Prometheus page, 0 where it is not there yet."""
    wanted = {f'{key}="{value}"' for key, value in labels.items()}
    for line in page.splitlines():
        if line.startswith((f"{name}{{", f"{name} ")) and all(label in line for label in wanted):
            return float(line.rsplit(" ", 1)[1])
    return 0.0
