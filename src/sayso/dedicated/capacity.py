"""What machines have and who holds how much of it: never more than there is.

Every write is in a transaction that has the database's one write lock (`BEGIN IMMEDIATE`, an advisory lock in
PostgreSQL), so that the sum that a decision rests on can not change under it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.dedicated.configuration import NO_SHARE, Share
from sayso.dedicated.tables import CapacityRow, MachineRow
from sayso.errors import CapacityUnavailable

SHARED_POOL = "shared"  # who holds what everybody's requests are served with
FRESH_SECONDS = 60  # a machine that has not been heard of for longer is only chosen where no other has room
_MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Capacity:
    """Of a machine: all that it has, the shared pool's part, what is held; `seen_at` in microseconds."""

    node: str
    total: Share
    shared: Share
    held: Share
    seen_at: int

    @property
    def free(self) -> Share:
        """What nobody holds."""
        return self.total - self.held


async def register(session: AsyncSession, node: str, total: Share, shared: Share, now: int) -> None:
    """Say what a machine has and what of it is the shared pool's; twice is as good as once.

    What instances hold already is theirs, even where the pool has grown since.
    """
    await session.merge(MachineRow(node=node, seen_at=now, **_columns(total)))
    await session.merge(CapacityRow(node=node, holder=SHARED_POOL, since=now, **_columns(shared)))


async def machines(session: AsyncSession) -> tuple[Capacity, ...]:
    """Return every machine, by name."""
    rows = await session.scalars(select(MachineRow).order_by(MachineRow.node))
    held = await session.execute(select(CapacityRow.node, CapacityRow.holder, *_AMOUNTS))
    by_node: dict[str, list[tuple[str, Share]]] = {}
    for node, holder, *amounts in held:
        by_node.setdefault(node, []).append((holder, Share(*amounts)))
    return tuple(_machine(row, by_node.get(row.node, [])) for row in rows)


async def place(session: AsyncSession, share: Share, now: int) -> str:
    """Return the machine that has room for `share`: the first by name of those that answer.

    Raises `CapacityUnavailable`.
    """
    there = await machines(session)
    found = [one for one in there if share.fits(one.free)]
    if not found:
        raise unavailable(share, [one.free for one in there])
    return min(found, key=lambda one: (one.seen_at < now - FRESH_SECONDS * _MICRO, one.node)).node


async def hold(session: AsyncSession, node: str, holder: str, share: Share, now: int) -> None:
    """Let `holder` have `share` of a machine, instead of what it had. Raises `CapacityUnavailable`."""
    mine = (CapacityRow.node == node, CapacityRow.holder == holder)
    before = (await session.execute(select(*_AMOUNTS).where(*mine))).one_or_none()
    if share == NO_SHARE:
        await session.execute(delete(CapacityRow).where(*mine))
        return
    had = Share(*before) if before else NO_SHARE
    if had == share:
        return
    if not share.fits(had):  # what gets smaller always has room
        others = select(*(func.coalesce(func.sum(column), 0) for column in _AMOUNTS))
        used = await session.execute(others.where(CapacityRow.node == node, CapacityRow.holder != holder))
        machine = await session.get(MachineRow, node)
        room = (_total(machine) if machine else NO_SHARE) - Share(*map(int, used.one()))
        if not share.fits(room):
            raise unavailable(share, [room])
    await session.merge(CapacityRow(node=node, holder=holder, since=now, **_columns(share)))
    await session.flush()


_AMOUNTS = (CapacityRow.cores, CapacityRow.memory_mib, CapacityRow.gpus, CapacityRow.vram_mib)


def _columns(share: Share) -> dict[str, int]:
    return asdict(share)


def _total(row: MachineRow) -> Share:
    return Share(row.cores, row.memory_mib, row.gpus, row.vram_mib)


def _machine(row: MachineRow, held: list[tuple[str, Share]]) -> Capacity:
    shared = next((share for holder, share in held if holder == SHARED_POOL), NO_SHARE)
    used = sum((share for _, share in held), NO_SHARE)
    return Capacity(row.node, _total(row), shared, used, row.seen_at)


_CALLED = {"cores": "cores", "memory_mib": "MiB of memory", "gpus": "GPUs", "vram_mib": "MiB on its GPUs"}


def unavailable(share: Share, rooms: Sequence[Share]) -> CapacityUnavailable:
    """Return the refusal of `share` where none of `rooms` is enough; it names what there is too little of."""
    short = [set(share.beyond(room)) for room in rooms] or [{"cores"}]
    everywhere = set.intersection(*short)
    named = next((name for name in ("gpus", "vram_mib", "cores", "memory_mib") if name in everywhere), None)
    wanted = asdict(share)
    parts = [f"{amount} {_CALLED[name]}" for name, amount in wanted.items() if amount]
    message = f"No machine has {', '.join(parts[:-1])}{' and ' if parts[1:] else ''}{parts[-1]} left"
    if named is None:
        return CapacityUnavailable(f"{message} together.")
    most = max((asdict(room)[named] for room in rooms), default=0)
    return CapacityUnavailable(f"{message}: at most {max(0, most)} {_CALLED[named]}.", param=named)
