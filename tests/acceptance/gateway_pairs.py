"""Two servers that make one service."""

import asyncio
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.acceptance.running_server import RunningServer, start_server


@asynccontextmanager
async def two_gateways(folder: Path, database_url: str, settings: str) -> AsyncGenerator[list[RunningServer]]:
    """Start two servers with data folders of their own, the same secrets and the same database."""
    running: list[RunningServer] = []
    shared = {"SAYSO_DATABASE_URL": database_url, "SAYSO_RETENTION_KEYS_DIR": str(folder / "content-keys")}
    try:
        for name in ("one", "two"):
            own = folder / name
            own.mkdir()
            (own / "sayso.toml").write_text(settings)
            if running:
                shutil.copy(running[0].folder / "key-pepper", own)
            running.append(await asyncio.to_thread(start_server, own, **shared))
        yield running
    finally:
        statuses = [server.stop() for server in running]
    assert statuses == [0, 0]
