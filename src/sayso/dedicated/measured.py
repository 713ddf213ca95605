"""What instances were measured to do at most, by snapshot and size."""

from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.dedicated.configuration import Share
from sayso.dedicated.tables import MeasurementRow


async def remember_speed(
    session: AsyncSession,
    snapshot: str,
    share: Share,
    tokens_per_second: float,
    *,
    concurrency: int,
    now: int,
) -> None:
    """Keep the latest measurement: tokens a second of all requests together; `now` in microseconds."""
    row = MeasurementRow(
        snapshot=snapshot,
        cores=share.cores,
        gpus=share.gpus,
        tokens_per_1000_seconds=round(tokens_per_second * 1_000),
        concurrency=concurrency,
        measured_at=now,
    )
    await session.merge(row)


async def sustainable(session: AsyncSession, snapshot: str, share: Share) -> Fraction | None:
    """Return the tokens a second that such an instance can do at most, None where nobody has measured."""
    table = MeasurementRow
    query = select(table.tokens_per_1000_seconds).where(
        table.snapshot == snapshot, table.cores == share.cores, table.gpus == share.gpus
    )
    found = await session.scalar(query)
    return None if found is None else Fraction(found, 1_000)
