"""What each UTC day cost, by project, user, key and line item: what the costs endpoint shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import Any, Literal, TypeAlias

from sqlalchemy import literal, select

from sayso.billing.cost_of_time import time_by_day
from sayso.billing.cost_reversals import reversals_by_day
from sayso.billing.money import checked
from sayso.billing.tables import UsageDay
from sayso.billing.usage_buckets import WIDTH_SECONDS, BucketPage
from sayso.billing.usage_report import EVERYTHING, UsageFilter, filters, total
from sayso.db.session import Database
from sayso.ids import OrgId

CostDimension: TypeAlias = Literal["project_id", "user_id", "api_key_id", "line_item"]
COST_DIMENSIONS: tuple[CostDimension, ...] = ("project_id", "user_id", "api_key_id", "line_item")
QuantityUnit: TypeAlias = Literal["tokens", "duration_seconds"]

_DAY = WIDTH_SECONDS["1d"]
_IDS: tuple[CostDimension, ...] = ("project_id", "user_id", "api_key_id")
_Items: TypeAlias = tuple[tuple[str, QuantityUnit], ...]
_ITEMS: _Items = (
    ("input_tokens", "tokens"),
    ("output_tokens", "tokens"),
    ("audio_seconds", "duration_seconds"),
)
_TIME: _Items = (("instance_seconds", "duration_seconds"),)


@dataclass(frozen=True, slots=True)
class CostGroup:
    """What one group cost, in nano-dollars.

    The dimensions that were not grouped by are None, as is an id that does not apply. `quantity` and its
    unit are those of a line item.
    """

    amount: int
    project_id: str | None = None
    user_id: str | None = None
    api_key_id: str | None = None
    line_item: str | None = None
    quantity: int | None = None
    quantity_unit: QuantityUnit | None = None


def line_item(model: str, item: str) -> str:
    """Return a line item's name, such as `gpt-3.5-turbo, input_tokens`."""
    return f"{model}, {item}"


async def costs_by_day(
    db: Database,
    org_id: OrgId,
    page: BucketPage,
    *,
    group_by: Sequence[CostDimension] = (),
    only: UsageFilter = EVERYTHING,
    line_items: Sequence[str] | None = None,
) -> list[tuple[CostGroup, ...]]:
    """Return the groups of each bucket of `page`, whose ends are ends of UTC days.

    Charges that were reversed are not in them. Groups that cost nothing and used nothing are left out. Raises
    `AmountOverflow`.
    """
    if not page.buckets:
        return []
    table = UsageDay
    wanted = set(group_by)
    ids = [getattr(table, name) if name in wanted else literal("") for name in _IDS]
    groups = (table.day, *(getattr(table, name) for name in _IDS if name in wanted), table.model)
    counts = (
        *(table.prompt_tokens, table.completion_tokens, table.audio_seconds),
        *(table.prompt_charge, table.completion_charge, table.audio_charge),
    )
    query = (
        select(table.day, *ids, table.model, *map(total, counts))
        .where(table.organization_id == org_id, table.day >= page.start, table.day < page.end)
        .where(*filters(only, table))
        .group_by(*groups)
    )
    async with db.read() as session:
        rows = (await session.execute(query)).all()
        taken_back = await reversals_by_day(session, org_id, page, only)
        of_instances = await time_by_day(session, org_id, page, only)
    days: dict[int, _Sums] = {bucket.start: {} for bucket in page.buckets}
    for start, *row in rows:
        _add_up(days[start], row, line_items, by_item="line_item" in wanted)
    for start, labels, rest in taken_back:
        row = [label if name in wanted else "" for name, label in zip(_IDS, labels, strict=True)]
        _add_up(days[start], [*row, *rest], line_items, by_item="line_item" in wanted)
    for start, project_id, name, *amounts in of_instances:
        row = [project_id if "project_id" in wanted else "", "", "", name, *amounts]
        _add_up(days[start], row, line_items, by_item="line_item" in wanted, items=_TIME)
    return [
        tuple(starmap(_group, sorted(item for item in days[bucket.start].items() if any(item[1]))))
        for bucket in page.buckets
    ]


# By project, user, key and line item, empty where it is not grouped by: amount, quantity.
_Sums: TypeAlias = dict[tuple[str, str, str, str], tuple[int, int]]
_UNITS: Mapping[str, QuantityUnit] = dict((*_ITEMS, *_TIME))


def _add_up(
    sums: _Sums,
    row: Sequence[Any],
    line_items: Sequence[str] | None,
    *,
    by_item: bool,
    items: _Items = _ITEMS,
) -> None:
    """Add each meter of `row` to its group."""
    project_id, user_id, api_key_id, model, *numbers = row
    count = len(items)
    for (item, _), quantity, charge in zip(items, numbers[:count], numbers[count:], strict=True):
        name = line_item(model, item)
        if not (quantity or charge) or (line_items is not None and name not in line_items):
            continue
        key = (project_id, user_id, api_key_id, name if by_item else "")
        known = sums.get(key)
        sums[key] = (known[0] + charge, known[1] + quantity) if known else (charge, quantity)


def _group(labels: tuple[str, str, str, str], sums: tuple[int, int]) -> CostGroup:
    project_id, user_id, api_key_id, item = labels
    amount, quantity = sums
    return CostGroup(
        checked(amount),
        project_id or None,
        user_id or None,
        api_key_id or None,
        item or None,
        quantity if item else None,
        _UNITS[item.rpartition(", ")[2]] if item else None,
    )
