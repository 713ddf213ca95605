"""A machine with instances in a fresh database of either kind."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.dedicated.worlds import World, world_in

if TYPE_CHECKING:
    from tests.postgresql_server import PostgresqlServer


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """The machine, once in each kind of database."""
    url = f"sqlite:///{tmp_path / 'sayso.db'}"
    if request.param == "postgresql":
        server: PostgresqlServer = request.getfixturevalue("postgresql_server")
        url = server.new_database()
    async with world_in(url) as made:
        yield made
