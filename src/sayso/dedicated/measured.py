"""What instances were measured to do at most, by snapshot and size."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.dedicated.configuration import Share
from sayso.dedicated.curve import AnyLevel, Level, read_level
from sayso.dedicated.instance import Instance
from sayso.dedicated.tables import CurveRow, MeasurementRow
from sayso.ids import InstanceId


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


@dataclass(frozen=True, slots=True)
class Curve:
    """A load curve, and when it was measured (Unix microseconds) of which configuration."""

    config_version: int
    measured_at: int
    levels: tuple[AnyLevel, ...]


async def remember_curve(
    session: AsyncSession, instance: Instance, levels: Sequence[AnyLevel], *, now: int
) -> None:
    """Keep an instance's latest curve, and the most tokens that it wrote; `now` in microseconds."""
    text = json.dumps([asdict(level) for level in levels])
    await session.merge(
        CurveRow(
            instance_id=instance.id, config_version=instance.config_version, measured_at=now, levels=text
        )
    )
    best = max(levels, key=lambda level: level.throughput)
    if isinstance(best, Level):  # what is not paid for by tokens has no break-even in them
        speed, most = best.tokens_per_second, best.concurrency
        await remember_speed(session, instance.snapshot, instance.share, speed, concurrency=most, now=now)


async def find_curve(session: AsyncSession, instance_id: InstanceId) -> Curve | None:
    """Return an instance's latest curve, None where nobody has measured."""
    row = await session.get(CurveRow, instance_id)
    if row is None:
        return None
    levels = tuple(read_level(level) for level in json.loads(row.levels))
    return Curve(row.config_version, row.measured_at, levels)
