"""What rate limits are set to: of all models together, and of a project's models each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.billing.scopes import Scope
from sayso.billing.tables import RateLimit
from sayso.db.session import Database

LimitMeter: TypeAlias = Literal["requests", "tokens", "audio_seconds"]
LimitPeriod: TypeAlias = Literal["minute", "day"]

ALL_MODELS = ""


class LimitKey(NamedTuple):
    """What a limit counts, and in which period."""

    meter: str
    period: str


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """One model's limits, or those of all together where `model` is empty; what is missing is unlimited."""

    model: str
    values: Mapping[LimitKey, int]


async def scope_limits(session: AsyncSession, scope: Scope) -> dict[str, ModelLimits]:
    """Return the limits that are set, by model."""
    rows = await session.scalars(_of(scope))
    found: dict[str, dict[LimitKey, int]] = {}
    for row in rows:
        found.setdefault(row.model, {})[LimitKey(row.meter, row.period)] = row.value
    return {model: ModelLimits(model, values) for model, values in found.items()}


async def set_limits(
    session: AsyncSession, scope: Scope, model: str, changes: Mapping[LimitKey, int | None]
) -> ModelLimits:
    """Set limits, remove those that are None, leave the others; they hold from the next request on.

    `model` is a snapshot, so that the limit holds whatever name a request uses.
    """
    for key, value in changes.items():
        identity = (scope.id, scope.kind, model, key.meter, key.period)
        row = await session.get(RateLimit, identity)
        if value is None and row is not None:
            await session.delete(row)
        elif value is not None and row is not None:
            row.value = value
        elif value is not None:
            session.add(_row(identity, value))
    await session.flush()
    return (await scope_limits(session, scope)).get(model, ModelLimits(model, {}))


async def gather_names(db: Database, targets: Mapping[str, str]) -> None:
    """Make limits that were set under an alias those of its snapshot; of two the lower one is kept.

    `targets` has the snapshot of each alias.
    """
    query = select(RateLimit).where(RateLimit.model.in_(targets))
    async with db.read() as session:
        if (await session.scalars(query.limit(1))).first() is None:
            return
    async with db.transaction() as session:
        for row in (await session.scalars(query)).all():
            identity = (row.scope_id, row.scope_kind, targets[row.model], row.meter, row.period)
            known = await session.get(RateLimit, identity)
            if known is None:
                session.add(_row(identity, row.value))
            else:
                known.value = min(known.value, row.value)
            await session.delete(row)
            await session.flush()


async def carry_limits(session: AsyncSession, old: str, new: str, project: str | None = None) -> None:
    """Have the limits that projects have of one snapshot hold of another, where that has none of its own.

    To be called where a name is moved, so that nobody's limits are left behind; `project` is the one whose
    name it is, None for all.
    """
    query = select(RateLimit).where(RateLimit.model == old, RateLimit.scope_kind == "project")
    if project is not None:
        query = query.where(RateLimit.scope_id == project)
    for row in (await session.scalars(query)).all():
        identity = (row.scope_id, row.scope_kind, new, row.meter, row.period)
        if await session.get(RateLimit, identity) is None:
            session.add(_row(identity, row.value))
    await session.flush()


def _of(scope: Scope) -> Select[RateLimit]:
    return select(RateLimit).where(RateLimit.scope_id == scope.id, RateLimit.scope_kind == scope.kind)


def _row(identity: tuple[str, str, str, str, str], value: int) -> RateLimit:
    scope_id, scope_kind, model, meter, period = identity
    return RateLimit(
        scope_id=scope_id, scope_kind=scope_kind, model=model, meter=meter, period=period, value=value
    )
