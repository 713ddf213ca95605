"""`sayso serve` in a process of its own, started and stopped as an operator does."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

STOP_SECONDS = 60.0


class ServerFailed(RuntimeError):
    """The server did not start."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; `started_seconds` is from the command to "ready"."""

    process: "subprocess.Popen[str]"
    base_url: str
    key: str
    started_seconds: float

    def processes(self) -> dict[str, psutil.Process]:
        """Return the gateway, the engine hosts and the decoder."""
        gateway = psutil.Process(self.process.pid)
        children = ((_role(child), child) for child in gateway.children())
        return {"gateway": gateway} | {name: child for name, child in children if name}

    def resident_bytes(self) -> dict[str, int]:
        """Return the memory of each process."""
        return {name: int(process.memory_info().rss) for name, process in self.processes().items()}


def processor_seconds(process: psutil.Process) -> float:
    """Return the processor time that a process has used."""
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def running_server(folder: Path, settings: str = "", key: str = "") -> Iterator[Server]:
    """Serve with `folder` as data folder until the block ends; `key` where an earlier start has shown it.

    Raises `ServerFailed`.
    """
    file, log = folder / "bench.toml", folder / "bench.log"
    file.write_text(settings, encoding="utf-8")
    options = ["serve", "--port", "0", "--data-dir", str(folder), "--config", str(file)]
    begun = time.perf_counter()
    with log.open("a", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "sayso", *options],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=folder,
            env=clean_environment(),
        )
        try:
            base_url = _until(process, r"ready at (\S+)", log)
            seconds = time.perf_counter() - begun
            yield Server(process, base_url, key or _until(process, r"^\s+(sk-sayso-\w+)", log), seconds)
        finally:
            stop_process(process)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment() -> dict[str, str]:
    """Return the environment without what would configure sayso or a client."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("SAYSO_", "OPENAI_"))}


def _until(process: "subprocess.Popen[str]", pattern: str, log: Path) -> str:
    for line in process.stdout or ():
        if found := re.search(pattern, line):
            return found.group(1)
    raise ServerFailed(f"the server ended before it was ready: {log.read_text(encoding='utf-8')[-2000:]}")


def stop_process(process: "subprocess.Popen[str]") -> None:
    """End a server politely, then by force."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _role(child: psutil.Process) -> str | None:
    command = " ".join(child.cmdline())
    if "sayso.engines.host" in command:
        maps = " ".join(region.path for region in child.memory_maps())
        return "chat host" if "openvino_genai" in maps else "speech host"
    return "decoder" if "sayso.audio.decode" in command else None
