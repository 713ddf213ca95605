"""What a project's rate limits are set to, for all of its models together and for each of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.billing.tables import RateLimit
from sayso.ids import ProjectId

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


async def project_limits(session: AsyncSession, project_id: ProjectId) -> dict[str, ModelLimits]:
    """Return the limits that are set, by model."""
    rows = await session.scalars(
        select(RateLimit).where(RateLimit.scope_id == project_id, RateLimit.scope_kind == "project")
    )
    found: dict[str, dict[LimitKey, int]] = {}
    for row in rows:
        found.setdefault(row.model, {})[LimitKey(row.meter, row.period)] = row.value
    return {model: ModelLimits(model, values) for model, values in found.items()}


async def set_project_limits(
    session: AsyncSession, project_id: ProjectId, model: str, changes: Mapping[LimitKey, int | None]
) -> ModelLimits:
    """Set limits, remove those that are None, leave the others; they hold from the next request on."""
    for key, value in changes.items():
        if value is None:
            await session.execute(
                delete(RateLimit).where(
                    RateLimit.scope_id == project_id,
                    RateLimit.scope_kind == "project",
                    RateLimit.model == model,
                    RateLimit.meter == key.meter,
                    RateLimit.period == key.period,
                )
            )
        else:
            await session.merge(
                RateLimit(
                    scope_id=project_id,
                    scope_kind="project",
                    model=model,
                    meter=key.meter,
                    period=key.period,
                    value=value,
                )
            )
    await session.flush()
    return (await project_limits(session, project_id)).get(model, ModelLimits(model, {}))
