"""An instance's gate, open further than its load says for as long as a command measures."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sayso.db.session import Database
from sayso.dedicated import store
from sayso.dedicated.instance import Instance
from sayso.errors import StorageUnavailable

LEASE_SECONDS = 30.0  # after which the gate closes by itself, whatever has become of the command
PATIENCE_SECONDS = 15.0  # for the server of the machine to open, and to close
_LOOK_SECONDS = 0.1
_MICRO = 1_000_000


@asynccontextmanager
async def open_gate(db: Database, instance: Instance, concurrency: int) -> AsyncGenerator[int, None]:
    """Have the gate let `concurrency` through for the block, and yield how many it does.

    That is what its load says where nothing more is asked for, where its engine was not started for more, or
    where no server opens it. Afterwards it is as before: at the block's end, however that ends, or else when
    the lease is over.
    """
    usual = instance.load.max_concurrency
    if concurrency <= usual:
        yield usual
        return
    await _ask(db, instance, concurrency, LEASE_SECONDS)
    renewing = asyncio.create_task(_renew(db, instance, concurrency))
    try:
        yield max(usual, await _until(db, instance, is_open=True))
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        await asyncio.shield(_close(db, instance))


async def _close(db: Database, instance: Instance) -> None:
    with contextlib.suppress(StorageUnavailable):  # the lease ends by itself
        await _ask(db, instance, 0, 0.0)
        await _until(db, instance, is_open=False)


async def _renew(db: Database, instance: Instance, concurrency: int) -> None:
    while True:
        await asyncio.sleep(LEASE_SECONDS / 3)
        with contextlib.suppress(StorageUnavailable):
            await _ask(db, instance, concurrency, LEASE_SECONDS)


async def _ask(db: Database, instance: Instance, concurrency: int, seconds: float) -> None:
    until = time.time_ns() // 1_000 + int(seconds * _MICRO)
    async with db.transaction() as session:
        await store.open_gate(session, instance.organization_id, instance.id, concurrency, until)


async def _until(db: Database, instance: Instance, *, is_open: bool) -> int:
    """Wait until the server has done as it was asked, patiently; return how far it has opened."""
    opened = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                async with db.read() as session:
                    kept = await store.find(session, instance.organization_id, instance.id)
                opened = kept.opened
                if bool(opened) == is_open:
                    break
                await asyncio.sleep(_LOOK_SECONDS)
    return opened
