"""What an organization used and what it cost, in one table: by model, project, key or day.

The time of a dedicated instance is no model's and no key's: there it is a row of its own.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.billing.instance_time import time_item
from sayso.billing.money import checked
from sayso.billing.tables import InstanceTimeRow, UsageHour
from sayso.db.session import Database
from sayso.ids import OrgId

By: TypeAlias = Literal["model", "project", "key", "day"]
DAY = 86_400  # seconds


@dataclass(frozen=True, slots=True)
class UsageSum:
    """What one model, project, key or day used; `label` is its name, id or date (UTC)."""

    label: str
    requests: int
    failed_requests: int
    prompt_tokens: int
    completion_tokens: int
    audio_seconds: int
    nano_usd: int
    instance_seconds: int = 0

    @property
    def used(self) -> bool:
        """Whether there is anything."""
        return bool(self.requests or self.failed_requests or self.instance_seconds)


async def usage_sums(db: Database, org_id: OrgId, start: int, end: int, by: By) -> tuple[UsageSum, ...]:
    """Return the sums of [start, end), Unix seconds at whole hours: days in order, else the dearest first.

    Raises `AmountOverflow`.
    """
    table = UsageHour
    key = _key(by)
    columns = (
        *(table.requests, table.failed_requests),
        *(table.prompt_tokens, table.completion_tokens, table.audio_seconds),
        table.prompt_charge,
        table.completion_charge,
        table.audio_charge,
    )
    query = (
        select(key, *map(func.sum, columns))
        .where(table.organization_id == org_id, table.hour >= start, table.hour < end)
        .group_by(key)
    )
    async with db.read() as session:
        rows = [(row[0], tuple(map(int, row[1:]))) for row in map(tuple, await session.execute(query))]
        times = await _times(session, org_id, start, end, by)
    known = {_label(key, by): _sum(_label(key, by), numbers) for key, numbers in rows}
    for label, seconds, nano_usd in times:
        sums = known.get(label) or _sum(label, (0,) * len(columns))
        cost = checked(sums.nano_usd + nano_usd)
        known[label] = replace(sums, nano_usd=cost, instance_seconds=sums.instance_seconds + seconds)
    if by == "day":
        days = map(_date, range(start - start % DAY, end, DAY))
        return tuple(known.get(day) or _sum(day, (0,) * len(columns)) for day in days)
    return tuple(sorted(known.values(), key=lambda one: (-one.nano_usd, -one.requests, one.label)))


async def _times(
    session: AsyncSession, org_id: OrgId, start: int, end: int, by: By
) -> list[tuple[str, int, int]]:
    """Return labels, seconds and nano-dollars of what instances ran."""
    table = InstanceTimeRow
    key: ColumnElement[Any]
    match by:
        case "model" | "key":
            key = table.name.expression
        case "project":
            key = table.project_id.expression
        case "day":
            key = table.started_at - table.started_at % DAY
    query = (
        select(key, func.sum(table.ended_at - table.started_at), func.sum(table.nano_usd))
        .where(table.organization_id == org_id, table.started_at >= start, table.started_at < end)
        .group_by(key)
    )
    rows: list[Any] = list(await session.execute(query))
    named = by in ("model", "key")
    return [
        (time_item(found) if named else _label(found, by), int(secs), int(nano)) for found, secs, nano in rows
    ]


def _label(key: str | int, by: By) -> str:
    return _date(int(key)) if by == "day" else str(key)


def _key(by: By) -> ColumnElement[str] | ColumnElement[int]:
    match by:
        case "model":
            return UsageHour.model.expression
        case "project":
            return UsageHour.project_id.expression
        case "key":
            return UsageHour.api_key_id.expression
        case "day":
            return UsageHour.hour - UsageHour.hour % DAY


def _sum(label: str, numbers: tuple[int, ...]) -> UsageSum:
    requests, failed, prompt_tokens, completion_tokens, audio_seconds, *charges = numbers
    nano_usd = checked(sum(charges))
    return UsageSum(label, requests, failed, prompt_tokens, completion_tokens, audio_seconds, nano_usd)


def _date(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")
