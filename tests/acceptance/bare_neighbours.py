"""What two cores do to each other: bare engines, one on each, with nothing of the server between them.

They share caches, the way to memory and whatever the machine runs beside them, so one's work slows the other
down though neither knows of it. No server can isolate better than that.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from typing import Any, Final, Protocol

from bench.bare_process import BareProcess, bare_process
from sayso.core.cores import stay_on, usable_cores
from sayso.core.parent import end_with_parent
from sayso.core.priority import run_as_usual
from sayso.engines.config import EngineConfig

STARTED_SECONDS: Final = 60.0


class Bare(Protocol):
    """An engine that answers on the core of the thread that makes it."""

    def flood(self, streams: int) -> None:
        """Answer so many at once, again and again until the process is ended."""
        ...


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The one that is timed, on `core`, and the process that floods its own unless stopped (SIGSTOP)."""

    core: int
    timed: BareProcess
    flooding: int

    def ask(self, method: str, *arguments: object, **named: object) -> Any:
        """Call a method of the one that is timed."""
        return self.timed.ask(method, *arguments, **named)

    @contextmanager
    def flood(self) -> Iterator[None]:
        """Let the other run."""
        os.kill(self.flooding, signal.SIGCONT)
        try:
            yield
        finally:
            os.kill(self.flooding, signal.SIGSTOP)


@contextmanager
def bare_neighbours(
    engine: Callable[[EngineConfig], Bare], config: EngineConfig, core: int, streams: int
) -> Iterator[Neighbours]:
    """Load one that is timed on `core`, and on the last other core one with so many answers at once."""
    other = next(one for one in reversed(usable_cores()) if one != core)
    context = get_context("spawn")
    loaded = context.Event()
    flooding = context.Process(target=_flood, args=(engine, _on(config, other), streams, loaded), daemon=True)
    flooding.start()
    try:
        assert loaded.wait(STARTED_SECONDS), "the flooding engine did not start"
        os.kill(flooding.pid or 0, signal.SIGSTOP)
        with bare_process(_OnItsCore(engine), _on(config, core)) as timed:
            yield Neighbours(core, timed, flooding.pid or 0)
    finally:
        flooding.kill()
        flooding.join()


@dataclass(frozen=True, slots=True)
class _OnItsCore:
    """Makes an engine whose threads stay on the configuration's cores."""

    engine: Callable[[EngineConfig], Bare]

    def __call__(self, config: EngineConfig) -> Bare:
        stay_on(config.cores)  # the engine's threads inherit it
        return self.engine(config)


def _on(config: EngineConfig, core: int) -> EngineConfig:
    return replace(config, cores=(core,), threads=1)


def _flood(engine: Callable[[EngineConfig], Bare], config: EngineConfig, streams: int, loaded: Event) -> None:
    end_with_parent()
    run_as_usual()
    flooding = _OnItsCore(engine)(config)
    loaded.set()
    flooding.flood(streams)
