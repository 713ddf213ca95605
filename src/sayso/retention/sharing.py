"""Transactions of work that is in no hurry."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from sayso.db.session import Database


@asynccontextmanager
async def sharing(db: Database) -> AsyncGenerator[AsyncSession]:
    """Write, then leave the database to others for as long as that took: they come first."""
    clock = asyncio.get_running_loop().time
    started = clock()
    async with db.transaction() as session:
        yield session
    await asyncio.sleep(clock() - started)
