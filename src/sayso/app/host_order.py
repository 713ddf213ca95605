"""Which engine hosts load first where there are too few cores for all of them."""

import asyncio
from collections.abc import Coroutine, Sequence

from sayso.app.planning import hosts_at_once
from sayso.engines.supervisor import EngineHost


def start_in_turn(hosts: Sequence[EngineHost], cores: Sequence[int]) -> Coroutine[None, None, None]:
    """Start a host for each core but the gateway's, the first ones first; return what starts the rest.

    That waits for those, however they fare: the first model would otherwise load for as long as all of them.
    """
    at_once = hosts_at_once(cores)
    for host in hosts[:at_once]:
        host.start()
    return _start_rest(hosts[:at_once], hosts[at_once:])


async def _start_rest(first: Sequence[EngineHost], rest: Sequence[EngineHost]) -> None:
    await asyncio.gather(*(host.ready() for host in first), return_exceptions=True)
    for host in rest:
        host.start()
