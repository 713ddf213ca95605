"""What was used in each bucket of time, by project, user, key and model: what the usage endpoints show.

Whole days are read from `usage_days` and whole hours from `usage_hours`; only the minutes at a range's ragged
ends, and buckets of a minute, come from the usage events themselves. A request counts in the bucket in which
it was admitted; one that failed through our own fault counts nowhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from sqlalchemy import BigInteger, ColumnElement, Select, case, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from sayso.billing.tables import UsageDay, UsageEventRow, UsageHour
from sayso.billing.usage_buckets import WIDTH_SECONDS, Bucket, BucketPage, BucketWidth
from sayso.db.session import Database
from sayso.ids import OrgId

Dimension: TypeAlias = Literal["project_id", "user_id", "api_key_id", "model"]
DIMENSIONS: tuple[Dimension, ...] = ("project_id", "user_id", "api_key_id", "model")
Activity: TypeAlias = Literal["text", "speech"]
Grain: TypeAlias = Literal["1h", "1d"]
UsageTable: TypeAlias = type[UsageDay] | type[UsageHour] | type[UsageEventRow]

_GRAINS: Mapping[BucketWidth, tuple[Grain, ...]] = {"1m": (), "1h": ("1h",), "1d": ("1d", "1h")}
_MICRO = 1_000_000
_SPEECH_PREFIX = "audio"  # how the endpoints that hear begin


@dataclass(frozen=True, slots=True)
class UsageFilter:
    """Only usage of these; None admits all. A model is known by the name asked for and by its snapshot."""

    project_ids: tuple[str, ...] | None = None
    user_ids: tuple[str, ...] | None = None
    api_key_ids: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None


EVERYTHING = UsageFilter()


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """Sums over requests; `audio_seconds` adds the whole seconds that each answer stated."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    audio_seconds: int = 0

    def __add__(self, other: "UsageTotals") -> "UsageTotals":
        return UsageTotals(
            self.requests + other.requests,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            self.audio_seconds + other.audio_seconds,
        )


@dataclass(frozen=True, slots=True)
class UsageGroup:
    """What one group used; `labels` holds the dimensions grouped by, None where there is no such id."""

    labels: Mapping[Dimension, str | None]
    totals: UsageTotals


async def usage_in_buckets(
    db: Database,
    org_id: OrgId,
    activity: Activity,
    page: BucketPage,
    width: BucketWidth,
    *,
    group_by: Sequence[Dimension] = (),
    only: UsageFilter = EVERYTHING,
) -> list[tuple[UsageGroup, ...]]:
    """Return the groups of each bucket of `page`, in the order of their labels; unused ones are left out."""
    if not page.buckets:
        return []
    dimensions = tuple(name for name in DIMENSIONS if name in group_by)
    sums: dict[tuple[int, tuple[str, ...]], UsageTotals] = {}
    async with db.read() as session:
        for statement in _statements(org_id, activity, page, width, dimensions, only):
            await _add_up(session, statement, len(dimensions), sums)
    groups = _groups(dimensions, sums)
    seconds = WIDTH_SECONDS[width]
    return [tuple(groups.get(bucket.start - bucket.start % seconds, ())) for bucket in page.buckets]


async def _add_up(
    session: AsyncSession,
    statement: Select[Any],
    dimensions: int,
    sums: dict[tuple[int, tuple[str, ...]], UsageTotals],
) -> None:
    for edge, *rest in (await session.execute(statement)).all():
        key = (int(edge), tuple(rest[:dimensions]))
        found = UsageTotals(*rest[dimensions:])
        sums[key] = sums[key] + found if key in sums else found


def _groups(
    dimensions: tuple[Dimension, ...], sums: Mapping[tuple[int, tuple[str, ...]], UsageTotals]
) -> dict[int, list[UsageGroup]]:
    """Return the groups in the order of their labels, by the edge that their bucket begins at."""
    found: dict[int, list[UsageGroup]] = {}
    for edge, labels in sorted(sums):
        if (totals := sums[edge, labels]).requests:
            named = {name: label or None for name, label in zip(dimensions, labels, strict=True)}
            found.setdefault(edge, []).append(UsageGroup(named, totals))
    return found


def _statements(
    org_id: OrgId,
    activity: Activity,
    page: BucketPage,
    width: BucketWidth,
    dimensions: tuple[Dimension, ...],
    only: UsageFilter,
) -> Iterator[Select[Any]]:
    """Yield what to read: sums where they are whole, events at the ends."""
    seconds = WIDTH_SECONDS[width]
    for grain, span in pieces(Bucket(page.start, page.end), _GRAINS[width]):
        if grain is None:
            yield _from_events(org_id, activity, span, seconds, dimensions, only)
        else:
            yield _from_sums(grain, org_id, activity, span, seconds, dimensions, only)


def pieces(span: Bucket, grains: Sequence[Grain]) -> Iterator[tuple[Grain | None, Bucket]]:
    """Cut `span` into pieces, each with the first of `grains` that it is whole in, None without one."""
    if not grains:
        yield None, span
        return
    width, finer = WIDTH_SECONDS[grains[0]], grains[1:]
    first, last = -(-span.start // width) * width, span.end // width * width
    if first >= last:
        yield from pieces(span, finer)
        return
    if span.start < first:
        yield from pieces(Bucket(span.start, first), finer)
    yield grains[0], Bucket(first, last)
    if last < span.end:
        yield from pieces(Bucket(last, span.end), finer)


def _from_sums(
    grain: Grain,
    org_id: OrgId,
    activity: Activity,
    span: Bucket,
    seconds: int,
    dimensions: tuple[Dimension, ...],
    only: UsageFilter,
) -> Select[Any]:
    table = UsageDay if grain == "1d" else UsageHour
    start = UsageDay.day if grain == "1d" else UsageHour.hour
    keys = (start - start % seconds, *(getattr(table, name) for name in dimensions))
    counts = (
        table.requests,
        table.prompt_tokens,
        table.completion_tokens,
        table.cached_tokens,
        table.audio_seconds,
    )
    return (
        select(*keys, *map(total, counts))
        .where(table.organization_id == org_id, start >= span.start, start < span.end)
        .where(_of(activity, table), *filters(only, table))
        .group_by(*keys)
    )


def _from_events(
    org_id: OrgId,
    activity: Activity,
    span: Bucket,
    seconds: int,
    dimensions: tuple[Dimension, ...],
    only: UsageFilter,
) -> Select[Any]:
    table = UsageEventRow
    second = table.admitted_at // _MICRO
    keys = (second - second % seconds, *(getattr(table, name) for name in dimensions))
    sums = (
        func.count(),
        total(table.prompt_tokens),
        total(table.completion_tokens),
        total(table.cached_tokens),
        total(_whole_seconds()),
    )
    return (
        select(*keys, *sums)
        .where(table.organization_id == org_id)
        .where(table.admitted_at >= span.start * _MICRO, table.admitted_at < span.end * _MICRO)
        .where(table.outcome != "failed", _of(activity, table), *filters(only, table))
        .group_by(*keys)
    )


def total(column: ColumnElement[int] | InstrumentedAttribute[int]) -> ColumnElement[int]:
    """Sum to a whole number, which PostgreSQL makes a decimal: slow to read by the thousand."""
    return cast(func.sum(column), BigInteger)


def _whole_seconds() -> ColumnElement[int]:
    """Say in SQL what `whole_seconds` says: the nearest second, ties up, at least 1 for any audio."""
    heard = UsageEventRow.audio_milliseconds
    return case((heard <= 0, 0), (heard < 1_500, 1), else_=(heard + 500) // 1_000)


def _of(activity: Activity, table: UsageTable) -> ColumnElement[bool]:
    speech = table.endpoint.startswith(_SPEECH_PREFIX)
    return speech if activity == "speech" else ~speech


def filters(only: UsageFilter, table: UsageTable) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions that `only` sets."""
    if only.project_ids is not None:
        yield table.project_id.in_(only.project_ids)
    if only.user_ids is not None:
        yield table.user_id.in_(only.user_ids)
    if only.api_key_ids is not None:
        yield table.api_key_id.in_(only.api_key_ids)
    if only.models is not None:
        yield or_(table.model.in_(only.models), table.snapshot.in_(only.models))
