"""What two cores do to each other: bare engines, one on each, with nothing of the server between them.

They share caches, the way to memory and whatever the machine runs beside them, so one's work slows the other
down though neither knows of it. No server can isolate better than that.
"""

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from bench.bare_process import BareProcess, bare_process
from sayso.core.cores import usable_cores
from sayso.engines.config import EngineConfig
from tests.acceptance.core_pace import WITHIN_SECONDS, Compared, Paced

T = TypeVar("T")
MOST: Final = 1.1


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The one that is timed, on `core`, and the one that floods its own core whenever it is awake."""

    core: int
    timed: BareProcess
    flooding: BareProcess


@contextmanager
def bare_neighbours(
    engine: Callable[[EngineConfig], Any], config: EngineConfig, core: int, streams: int
) -> Iterator[Neighbours]:
    """Load one that is timed on `core`, and on the last other core one with so many answers at once.

    The engine has a method `flood` that never ends.
    """
    other = next(one for one in reversed(usable_cores()) if one != core)
    with bare_process(engine, _on(config, other)) as flooding:
        try:
            flooding.begin("flood", streams)
            with bare_process(engine, _on(config, core)) as timed:
                yield Neighbours(core, timed, flooding)
        finally:
            flooding.process.kill()


async def in_turns(
    neighbours: Neighbours,
    ask: Callable[[], Awaitable[Sequence[Paced[T]]]],
    ask_bare: Callable[[], Sequence[Paced[T]]],
    flood: Callable[[], AbstractAsyncContextManager[None]],
) -> tuple[Compared[T], Compared[T]]:
    """Ask the server and the bare engine, each alone and beside its flood, until there is enough of each.

    The first answers of both are left out.
    """
    served: Compared[T] = Compared("server")
    bare: Compared[T] = Compared("bare engines")
    await ask()
    ask_bare()
    until = time.monotonic() + WITHIN_SECONDS
    while (served.missing or bare.missing) and time.monotonic() < until:
        served.idle.extend(await ask())
        bare.idle.extend(ask_bare())
        with neighbours.flooding.awake():
            bare.flooded.extend(ask_bare())
        async with flood():
            served.flooded.extend(await ask())
    return served, bare


def allowed(bare: float) -> float:
    """Return how slow the server may be: a tenth more than alone, or than what the cores do by themselves."""
    return MOST * max(1.0, bare)


def _on(config: EngineConfig, core: int) -> EngineConfig:
    return replace(config, cores=(core,), threads=1)
