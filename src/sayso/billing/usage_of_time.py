"""How long dedicated instances ran that were paid for, in buckets of time."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select

from sayso.billing.pricing import HOUR_SECONDS
from sayso.billing.tables import InstanceTimeRow
from sayso.billing.usage_buckets import BucketPage
from sayso.billing.usage_report import UsageFilter
from sayso.db.session import Database
from sayso.ids import OrgId


@dataclass(frozen=True, slots=True)
class TimeGroup:
    """Seconds of the instances of a project, or of one; both are None where all are together."""

    project_id: str | None
    instance_id: str | None
    seconds: int


async def time_in_buckets(
    db: Database,
    org_id: OrgId,
    page: BucketPage,
    *,
    by_project: bool = False,
    by_instance: bool = False,
    only: UsageFilter,
) -> list[tuple[TimeGroup, ...]]:
    """Return the groups of each bucket; what is charged at the end of an hour is there from then on.

    Time is no user's, no key's and no model's: asked for one of these, there is none.
    """
    nobody = only.user_ids is not None or only.api_key_ids is not None or only.models is not None
    if nobody or not page.buckets:
        return [() for _ in page.buckets]
    table = InstanceTimeRow
    query = select(table.project_id, table.instance_id, table.started_at, table.ended_at).where(
        table.organization_id == org_id,
        table.started_at >= page.start - HOUR_SECONDS,  # no row is longer
        table.started_at < page.end,
        table.ended_at > page.start,
    )
    if only.project_ids is not None:
        query = query.where(table.project_id.in_(only.project_ids))
    async with db.read() as session:
        rows = (await session.execute(query)).all()
    found: list[Counter[tuple[str, str]]] = [Counter() for _ in page.buckets]
    for project, instance, start, end in rows:
        group = (project if by_project else "", instance if by_instance else "")
        for bucket, sums in zip(page.buckets, found, strict=True):
            if (seconds := min(end, bucket.end) - max(start, bucket.start)) > 0:
                sums[group] += seconds
    return [
        tuple(TimeGroup(group[0] or None, group[1] or None, sums[group]) for group in sorted(sums))
        for sums in found
    ]
