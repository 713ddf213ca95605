"""Names in the database: read whole, for they are few, and written within a caller's transaction."""

from typing import cast

from sqlalchemy import column, func, select, table
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.catalog.alias_history import AliasVersion, Cause, by_alias
from sayso.catalog.names import Deprecation, Names, Pin
from sayso.catalog.tables import ModelAliasVersion, ModelDeprecation, ModelPin

# A pin goes with its project, which the tenancy archives.
_projects = table("projects", column("id"), column("archived_at"))
_PINS = (
    select(ModelPin)
    .join(_projects, _projects.c.id == ModelPin.project_id)
    .where(_projects.c.archived_at.is_(None))
)


async def load_names(session: AsyncSession) -> Names:
    """Return all that was said of names; the pins of archived projects are left out."""
    versions = [_version(row) for row in await session.scalars(select(ModelAliasVersion))]
    pins = [pin_of(row) for row in await session.scalars(_PINS)]
    ends = [
        Deprecation(row.model, row.deprecated_from, row.shutdown_at, row.replacement)
        for row in await session.scalars(select(ModelDeprecation))
    ]
    return Names(
        by_alias(versions),
        {(pin.project_id, pin.model): pin for pin in pins},
        {end.model: end for end in ends},
    )


async def append_version(
    session: AsyncSession,
    alias: str,
    snapshot: str,
    previous: str | None,
    *,
    effective_from: int,
    now: int,
    actor: str | None,
    cause: Cause,
) -> AliasVersion:
    """Have an alias lead to a snapshot from a moment on."""
    last = await session.scalar(select(func.max(ModelAliasVersion.number)))
    row = ModelAliasVersion(
        number=(last or 0) + 1,
        alias=alias,
        snapshot=snapshot,
        previous=previous,
        effective_from=effective_from,
        made_at=now,
        actor=actor,
        cause=cause,
    )
    session.add(row)
    await session.flush()
    return _version(row)


def pin_of(row: ModelPin) -> Pin:
    """Return a row's value."""
    return Pin(row.project_id, row.model, row.snapshot, row.digest, row.made_at, row.actor)


def _version(row: ModelAliasVersion) -> AliasVersion:
    return AliasVersion(
        row.number,
        row.alias,
        row.snapshot,
        row.previous,
        row.effective_from,
        row.made_at,
        row.actor,
        cast("Cause", row.cause),
    )
