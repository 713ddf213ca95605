"""A database of either kind with an organization, and a few models that need no files."""

from collections.abc import AsyncIterator

import pytest

from sayso.catalog.catalogue import Catalogue
from sayso.catalog.snapshot import PackageSource, Snapshot
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.jobs import model_names
from sayso.jobs.model_names import Installation
from sayso.tenancy.service import DefaultProject, default_project

ALIASES = {"a": "old", "a-0301": "old", "speech-1": "spoken"}


def made_of(*names: str) -> tuple[Snapshot, ...]:
    return tuple(
        Snapshot(name, "speech" if name == "spoken" else "chat", "fake", PackageSource()) for name in names
    )


class Clock:
    """Stands still until it is told otherwise; Unix microseconds."""

    def __init__(self) -> None:
        self.now = 2**50

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def models(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """Three chat models and one that is not served, and one for speech; acts happen at the clock's moment."""
    monkeypatch.setattr(model_names, "wall_clock", clock)
    catalogue = Catalogue(made_of("old", "new", "newest", "shelved", "spoken"), ALIASES, clock=clock)
    return Installation(catalogue, {"old", "new", "newest", "spoken"})


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url) as database:
        await migrate(database)
        yield database


@pytest.fixture
async def project(db: Database) -> DefaultProject:
    return await default_project(db)
