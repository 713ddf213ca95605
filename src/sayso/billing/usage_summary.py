"""What an organization used and what it cost, in one table: by model, project, key or day."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from sqlalchemy import ColumnElement, func, select

from sayso.billing.money import checked
from sayso.billing.tables import UsageHour
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
    if by == "day":
        known = {int(day): sums for day, sums in rows}
        days = range(start - start % DAY, end, DAY)
        return tuple(_sum(_date(day), known.get(day, (0,) * len(columns))) for day in days)
    sums = [_sum(str(label), numbers) for label, numbers in rows]
    return tuple(sorted(sums, key=lambda one: (-one.nano_usd, -one.requests, one.label)))


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
