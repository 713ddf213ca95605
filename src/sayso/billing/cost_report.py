"""What each UTC day cost, by project, user, key and line item: what the costs endpoint shows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from sqlalchemy import func, literal, select

from sayso.billing.money import checked
from sayso.billing.tables import UsageDay
from sayso.billing.usage_buckets import WIDTH_SECONDS, BucketPage
from sayso.billing.usage_report import EVERYTHING, UsageFilter, filters
from sayso.db.session import Database
from sayso.ids import OrgId

CostDimension: TypeAlias = Literal["project_id", "user_id", "api_key_id", "line_item"]
COST_DIMENSIONS: tuple[CostDimension, ...] = ("project_id", "user_id", "api_key_id", "line_item")
QuantityUnit: TypeAlias = Literal["tokens", "duration_seconds"]

_DAY = WIDTH_SECONDS["1d"]
_IDS: tuple[CostDimension, ...] = ("project_id", "user_id", "api_key_id")
_ITEMS: tuple[tuple[str, QuantityUnit], ...] = (
    ("input_tokens", "tokens"),
    ("output_tokens", "tokens"),
    ("audio_seconds", "duration_seconds"),
)


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

    Groups that cost nothing and used nothing are left out. Raises `AmountOverflow`.
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
        select(table.day, *ids, table.model, *map(func.sum, counts))
        .where(table.organization_id == org_id, table.day >= page.start, table.day < page.end)
        .where(*filters(only, table))
        .group_by(*groups)
    )
    async with db.read() as session:
        rows = (await session.execute(query)).all()
    days: dict[int, dict[CostGroup, tuple[int, int]]] = {bucket.start: {} for bucket in page.buckets}
    for start, *rest in rows:
        of_day = days[int(start)]
        for key, amount, quantity in _lines(rest, wanted, line_items):
            before = of_day.get(key, (0, 0))
            of_day[key] = (before[0] + amount, before[1] + quantity)
    return [tuple(_summed(days[bucket.start])) for bucket in page.buckets]


def _lines(
    row: Sequence[Any], wanted: set[CostDimension], line_items: Sequence[str] | None
) -> Iterator[tuple[CostGroup, int, int]]:
    """Yield the group, the amount and the quantity of each meter of `row`."""
    project_id, user_id, api_key_id, model, *numbers = row
    for (item, unit), quantity, amount in zip(
        _ITEMS, map(int, numbers[:3]), map(int, numbers[3:]), strict=True
    ):
        name = line_item(model, item)
        if not (quantity or amount) or (line_items is not None and name not in line_items):
            continue
        key = CostGroup(
            amount=0,
            project_id=project_id if "project_id" in wanted else None,
            user_id=(user_id or None) if "user_id" in wanted else None,
            api_key_id=api_key_id if "api_key_id" in wanted else None,
            line_item=name if "line_item" in wanted else None,
            quantity_unit=unit if "line_item" in wanted else None,
        )
        yield key, amount, quantity


def _summed(groups: dict[CostGroup, tuple[int, int]]) -> Iterator[CostGroup]:
    def order(group: CostGroup) -> tuple[str, ...]:
        return tuple(
            label or "" for label in (group.project_id, group.user_id, group.api_key_id, group.line_item)
        )

    for key in sorted(groups, key=order):
        amount, quantity = groups[key]
        yield CostGroup(
            checked(amount),
            key.project_id,
            key.user_id,
            key.api_key_id,
            key.line_item,
            quantity if key.line_item else None,
            key.quantity_unit,
        )
