"""What the time of dedicated instances cost on each UTC day."""

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.billing.instance_time import time_item
from sayso.billing.tables import InstanceTimeRow
from sayso.billing.usage_buckets import WIDTH_SECONDS, BucketPage
from sayso.billing.usage_report import UsageFilter
from sayso.ids import OrgId

_DAY = WIDTH_SECONDS["1d"]


async def time_by_day(
    session: AsyncSession, org_id: OrgId, page: BucketPage, only: UsageFilter
) -> Iterator[tuple[int, str, str, int, int]]:
    """Return day, project, what it is called, seconds and nano-dollars.

    Time is no user's, no key's and no model's: asked for one of these, there is none.
    """
    if only.user_ids is not None or only.api_key_ids is not None or only.models is not None:
        return iter(())
    table = InstanceTimeRow
    day = table.started_at - table.started_at % _DAY
    sums = (func.sum(table.ended_at - table.started_at), func.sum(table.nano_usd))
    query = (
        select(day, table.project_id, table.name, *sums)
        .where(table.organization_id == org_id, table.started_at >= page.start, table.started_at < page.end)
        .group_by(day, table.project_id, table.name)
    )
    if only.project_ids is not None:
        query = query.where(table.project_id.in_(only.project_ids))
    found = (await session.execute(query)).all()
    return (
        (int(at), project, time_item(name), int(secs), int(nano)) for at, project, name, secs, nano in found
    )
