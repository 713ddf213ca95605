"""llama.cpp's own server on the same GGUF file: the native program, or the one in `xllamacpp`'s wheel.

`python -m bench.peer_llama GGUF PORT SLOTS CONTEXT THREADS` is what runs in the interpreter that has
`xllamacpp`.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

SLOTS = 32  # as many chats at once as sayso's default
SLOT_TOKENS = 512  # enough for what is asked
START_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Peer:
    """A running server, stopped (SIGSTOP) unless it is asked."""

    name: str
    base_url: str
    process: "subprocess.Popen[bytes]"

    def wake(self) -> None:
        """Let it run."""
        self.process.send_signal(signal.SIGCONT)

    def sleep(self) -> None:
        """Let it take nothing from whoever is measured next."""
        self.process.send_signal(signal.SIGSTOP)


@contextmanager
def llama_server(name: str, program: Path, weights: Path, threads: int) -> Iterator[Peer]:
    """Serve `weights` with `program`, a `llama-server` or a Python with `xllamacpp`, until the block ends."""
    port = _free_port()
    process = subprocess.Popen(
        _command(program, weights, port, threads), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    peer = Peer(name, f"http://127.0.0.1:{port}/v1", process)
    try:
        _await_health(f"http://127.0.0.1:{port}/health", process)
        peer.sleep()
        yield peer
    finally:
        peer.wake()
        process.terminate()
        process.wait(30)


def _command(program: Path, weights: Path, port: int, threads: int) -> list[str]:
    context = SLOTS * SLOT_TOKENS
    if program.name.startswith("python"):
        numbers = map(str, (port, SLOTS, context, threads))
        return [str(program), str(Path(__file__)), str(weights), *numbers]
    return [
        str(program), "--model", str(weights), "--host", "127.0.0.1", "--port", str(port),
        "--parallel", str(SLOTS), "--ctx-size", str(context), "--no-kv-unified",
        "--threads", str(threads), "--threads-batch", str(threads),
    ]  # fmt: skip


def _await_health(url: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with status {process.returncode}")
        try:
            with urlopen(url, timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"{process.args!r} was not ready in time")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _serve(weights: str, port: int, slots: int, context: int, threads: int) -> None:
    import xllamacpp  # type: ignore[import-not-found]

    asked = xllamacpp.CommonParams()
    asked.model.path = weights
    asked.hostnames, asked.port = ["127.0.0.1"], port
    asked.n_parallel, asked.n_ctx, asked.kv_unified = slots, context, False
    asked.cpuparams.n_threads = asked.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(asked)
    print(server.listening_address, os.getpid(), flush=True)
    signal.pause()


if __name__ == "__main__":
    _serve(sys.argv[1], *map(int, sys.argv[2:]))
