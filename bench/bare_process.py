"""A bare engine in a process of its own that is stopped whenever it is not asked.

Runtimes keep their threads spinning for a while after a call; a stopped process takes nothing from the
server that is measured meanwhile.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import psutil

from sayso.core.cores import stay_on
from sayso.core.parent import end_with_parent
from sayso.core.priority import run_as_usual
from sayso.engines.config import EngineConfig

END_SECONDS = 10.0


class BareProcess:
    """The other end of a bare engine's pipe."""

    def __init__(self, pid: int, pipe: "Connection[Any, Any]") -> None:
        self._pid = pid
        self._pipe = pipe
        self.process = psutil.Process(pid)

    def ask(self, method: str, *arguments: object, **named: object) -> Any:
        """Wake the process, call the engine's method there, and stop the process again."""
        with self.awake():
            self._pipe.send((method, arguments, named))  # awake: more than a pipe holds would wait for ever
            return self._pipe.recv()  # EOFError once the process has died

    def begin(self, method: str, *arguments: object, **named: object) -> None:
        """Have the engine's method called there whenever the process is awake, and wait for no answer."""
        with self.awake():
            self._pipe.send((method, arguments, named))

    @contextmanager
    def awake(self) -> Iterator[None]:
        """Let the process run within the block."""
        os.kill(self._pid, signal.SIGCONT)
        try:
            yield
        finally:
            os.kill(self._pid, signal.SIGSTOP)


@contextmanager
def bare_process(engine: Callable[[EngineConfig], Any], config: EngineConfig) -> Iterator[BareProcess]:
    """Load `engine` in a new process, on the configuration's cores; it ends with the block."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(engine, config, theirs), name="bare engine")
    process.start()
    theirs.close()
    try:
        ours.recv()
        os.kill(process.pid or 0, signal.SIGSTOP)
        yield BareProcess(process.pid or 0, ours)
    finally:
        ours.close()
        os.kill(process.pid or 0, signal.SIGCONT)
        process.join(END_SECONDS)
        process.kill()
        process.join()


def _serve(engine: Callable[[EngineConfig], Any], config: EngineConfig, pipe: "Connection[Any, Any]") -> None:
    end_with_parent()  # a stopped process would not notice that nobody asks any more
    run_as_usual()
    stay_on(config.cores)  # the engine's threads inherit it
    loaded = engine(config)
    pipe.send("ready")
    with suppress(EOFError):  # the block has ended
        while True:
            method, arguments, named = pipe.recv()
            pipe.send(getattr(loaded, method)(*arguments, **named))
