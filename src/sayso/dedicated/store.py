"""Instances in the database: their events, which only ever grow in number, and what follows from them."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.dedicated import capacity
from sayso.dedicated.clock import Clock
from sayso.dedicated.events import Cause, Change, Event, Requested
from sayso.dedicated.instance import Instance
from sayso.dedicated.record import decode, encode, kind_of
from sayso.dedicated.states import Standing, capacity_of, fold, step
from sayso.dedicated.tables import InstanceEventRow, InstanceRow
from sayso.errors import InvalidRequest, ObjectNotFound
from sayso.ids import InstanceId, OrgId, ProjectId

SYSTEM = "system"  # the actor of what nobody has asked for


@dataclass(frozen=True, slots=True)
class Kept:
    """An instance with its history; `seen_at` in microseconds and `paid_until` in seconds are the row's.

    Its gate shall let `opened_to` through until `opened_until` (microseconds), and now does `opened`.
    """

    instance: Instance
    events: tuple[Event, ...]
    seen_at: int
    paid_until: int
    opened_to: int = 0
    opened_until: int = 0
    opened: int = 0

    def opening(self, now: int) -> int:
        """Return how far its gate shall be open at `now` beyond what its load says, 0 for not at all."""
        further = now < self.opened_until and self.opened_to > self.instance.load.max_concurrency
        return self.opened_to if further else 0


async def insert(
    session: AsyncSession,
    instance_id: InstanceId,
    org_id: OrgId,
    project_id: ProjectId,
    change: Requested,
    *,
    actor: str,
    clock: Clock,
) -> Instance:
    """Begin an instance's history. Raises `InvalidRequest` where its project has one of that name."""
    named = select(InstanceRow.id).where(
        InstanceRow.organization_id == org_id,
        InstanceRow.project_id == project_id,
        InstanceRow.name == change.name,
        InstanceRow.state != "terminated",
    )
    if await session.scalar(named) is not None:
        raise InvalidRequest(
            f"The project has an instance '{change.name}' already.", param="name", code="name_taken"
        )
    wall = clock.wall()
    row = InstanceRow(
        id=instance_id,
        organization_id=org_id,
        project_id=project_id,
        name=change.name,
        state="requested",
        node="",
        created_at=wall,
        seen_at=0,
        paid_until=0,
    )
    session.add(row)
    standing = step(None, change)
    session.add(_event_row(org_id, instance_id, Event(1, wall, clock.monotonic(), actor, "command", change)))
    await session.flush()
    return _instance(row, standing)


async def append(
    session: AsyncSession,
    org_id: OrgId,
    instance_id: InstanceId,
    change: Change,
    *,
    actor: str = SYSTEM,
    cause: Cause = "runtime",
    clock: Clock,
) -> Instance:
    """Write down what has happened, and let the instance hold of its machine what it then needs.

    Raises `ObjectNotFound`, `InstanceStateConflict` and `CapacityUnavailable`; nothing is written then.
    """
    kept = await find(session, org_id, instance_id)
    last = kept.events[-1]
    # Never before what is known to have been, so that what was charged up to there stays as it is.
    wall = max(clock.wall(), last.wall, kept.seen_at)
    standing = step(kept.instance.standing, change)
    if standing.node:
        await capacity.hold(session, standing.node, instance_id, capacity_of(standing), wall)
    event = Event(last.seq + 1, wall, clock.monotonic(), actor, cause, change)
    session.add(_event_row(org_id, instance_id, event))
    row = await session.get_one(InstanceRow, instance_id)
    row.state, row.node = standing.state, standing.node
    await session.flush()
    return _instance(row, standing)


async def find(session: AsyncSession, org_id: OrgId, instance_id: InstanceId) -> Kept:
    """Return one instance of an organization. Raises `ObjectNotFound`."""
    query = select(InstanceRow).where(InstanceRow.organization_id == org_id, InstanceRow.id == instance_id)
    row = await session.scalar(query)
    if row is None:
        raise ObjectNotFound(f"There is no instance '{instance_id}'.", param="instance_id")
    return (await _kept(session, [row]))[0]


async def of_organization(
    session: AsyncSession, org_id: OrgId, project_id: ProjectId | None = None, *, gone: bool = False
) -> list[Kept]:
    """Return an organization's instances, the oldest first; with `gone`, terminated ones too."""
    query = select(InstanceRow).where(InstanceRow.organization_id == org_id)
    if project_id is not None:
        query = query.where(InstanceRow.project_id == project_id)
    if not gone:
        query = query.where(InstanceRow.state != "terminated")
    return await _all(session, query)


async def living_on(session: AsyncSession, node: str) -> list[Kept]:
    """Return all instances of a machine, whosever they are: for whoever runs that machine."""
    return await _all(
        session, select(InstanceRow).where(InstanceRow.node == node, InstanceRow.state != "terminated")
    )


async def pinned_by_instances(session: AsyncSession, snapshot: str) -> list[str]:
    """Name the instances, whosever they are, that run a snapshot or are about to."""
    found = await _all(session, select(InstanceRow).where(InstanceRow.state != "terminated"))
    return [f"instance {kept.instance.id}" for kept in found if snapshot in _snapshots(kept.instance)]


async def saw(session: AsyncSession, seen: Iterable[tuple[OrgId, InstanceId]], now: int) -> None:
    """Write down that hosts took requests at `now`, in microseconds."""
    for org_id, instance_id in seen:
        mine = (InstanceRow.organization_id == org_id, InstanceRow.id == instance_id)
        await session.execute(update(InstanceRow).where(*mine, InstanceRow.seen_at < now).values(seen_at=now))


async def paid(session: AsyncSession, org_id: OrgId, instance_id: InstanceId, until: int) -> None:
    """Write down up to which second an instance's time is charged."""
    mine = (InstanceRow.organization_id == org_id, InstanceRow.id == instance_id)
    await session.execute(update(InstanceRow).where(*mine).values(paid_until=until))


async def open_gate(
    session: AsyncSession, org_id: OrgId, instance_id: InstanceId, concurrency: int, until: int
) -> None:
    """Have an instance's gate let so many through until then, in microseconds, whatever its load says.

    It closes again by itself, whoever asked for it and whatever becomes of them.
    """
    mine = (InstanceRow.organization_id == org_id, InstanceRow.id == instance_id)
    wanted = {"opened_to": concurrency, "opened_until": until}
    await session.execute(update(InstanceRow).where(*mine).values(wanted))


async def gate_opened(session: AsyncSession, org_id: OrgId, instance_id: InstanceId, opened: int) -> None:
    """Write down how far a gate is open beyond its load, 0 for not at all."""
    mine = (InstanceRow.organization_id == org_id, InstanceRow.id == instance_id)
    await session.execute(update(InstanceRow).where(*mine).values(opened=opened))


async def count_living(session: AsyncSession, org_id: OrgId) -> int:
    """Return how many instances an organization has."""
    living = select(func.count()).where(
        InstanceRow.organization_id == org_id, InstanceRow.state != "terminated"
    )
    return await session.scalar(living) or 0


def _snapshots(instance: Instance) -> set[str]:
    coming = instance.next_configuration
    return {instance.snapshot, *((coming.snapshot,) if coming else ())}


async def _all(session: AsyncSession, query: "Select[InstanceRow]") -> list[Kept]:
    ordered = query.order_by(InstanceRow.created_at, InstanceRow.id)
    return await _kept(session, list(await session.scalars(ordered)))


async def _kept(session: AsyncSession, rows: list[InstanceRow]) -> list[Kept]:
    table = InstanceEventRow
    query = select(table).where(table.instance_id.in_([row.id for row in rows]))
    histories: dict[str, list[Event]] = {row.id: [] for row in rows}
    for one in await session.scalars(query.order_by(table.instance_id, table.seq)):
        histories[one.instance_id].append(_event(one))
    return [_whole(row, histories[row.id]) for row in rows]


def _whole(row: InstanceRow, events: list[Event]) -> Kept:
    opening = (row.opened_to, row.opened_until, row.opened)
    return Kept(_instance(row, fold(events)), tuple(events), row.seen_at, row.paid_until, *opening)


def _instance(row: InstanceRow, standing: Standing) -> Instance:
    return Instance(
        InstanceId(row.id), OrgId(row.organization_id), ProjectId(row.project_id), row.created_at, standing
    )


def _event(row: InstanceEventRow) -> Event:
    return Event(row.seq, row.wall, row.monotonic, row.actor, row.cause, decode(row.kind, row.change))  # type: ignore[arg-type]


def _event_row(org_id: OrgId, instance_id: InstanceId, event: Event) -> InstanceEventRow:
    return InstanceEventRow(
        instance_id=instance_id,
        seq=event.seq,
        organization_id=org_id,
        wall=event.wall,
        monotonic=event.monotonic,
        actor=event.actor,
        cause=event.cause,
        kind=kind_of(event.change),
        change=encode(event.change),
    )
