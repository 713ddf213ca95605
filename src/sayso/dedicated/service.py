"""What an organization does with its instances: each verb in one transaction with its audit entry."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from sayso.billing.price_book import in_force, load_books
from sayso.billing.pricing import PriceBookVersion
from sayso.catalog.snapshot import Snapshot
from sayso.core.caller import AdminCaller
from sayso.db.session import Database
from sayso.dedicated import capacity, store
from sayso.dedicated.advice import Advice, advice, traffic_of
from sayso.dedicated.affordable import check_affordable
from sayso.dedicated.charging import known_until
from sayso.dedicated.clock import SYSTEM_CLOCK, Clock
from sayso.dedicated.configuration import Configuration, Share, restart_needed
from sayso.dedicated.events import (
    CapacityReserved,
    Change,
    DeletionAccepted,
    Requested,
    StartAccepted,
    StopAccepted,
    Terminated,
    UpdateAccepted,
)
from sayso.dedicated.instance import Instance
from sayso.dedicated.measured import Curve, find_curve, sustainable
from sayso.dedicated.plan import OnDemand, Plan, Rate, Reserved
from sayso.dedicated.runtime import RuntimeStatus
from sayso.dedicated.segments import Segment, segments
from sayso.dedicated.states import STARTABLE
from sayso.dedicated.store import Kept
from sayso.dedicated.tokens import Token, carried_out, remember
from sayso.dedicated.utilization import MINUTE, Use, bucketed, uses
from sayso.dedicated.wishes import (
    DRAIN_SECONDS,
    Changes,
    NewInstance,
    changed,
    check_drain,
    check_instance_name,
    configuration,
    plan,
)
from sayso.errors import CapacityUnavailable, InvalidRequest
from sayso.ids import InstanceId, OrgId, ProjectId, new_instance_id
from sayso.tenancy.audit import record
from sayso.tenancy.project_lookup import find_project, open_project


@dataclass(frozen=True, slots=True)
class Instances:
    """The verbs. `snapshot_of` follows a model's name; `wake` tells whoever runs instances of news.

    `status` is how an instance runs at this moment, where that is here.
    """

    db: Database
    snapshot_of: Callable[[str], Snapshot]
    clock: Clock = SYSTEM_CLOCK
    wake: Callable[[], None] = lambda: None
    status: Callable[[InstanceId], RuntimeStatus | None] = lambda _: None

    async def create(self, by: AdminCaller, wanted: NewInstance, token: Token | None = None) -> Instance:
        """Make an instance and reserve its share of a machine; it is started at once.

        Raises `InvalidRequest`, `ModelNotFound`, `ObjectNotFound` for the project, `CapacityUnavailable`,
        `QuotaExceeded` where a budget is used up, and `IdempotencyConflict` for a token of another command.
        """
        snapshot = self.snapshot_of(wanted.model)
        chosen = configuration(snapshot, wanted.share, wanted.context_length, wanted.load)
        name = check_instance_name(wanted.name)
        async with self._turn() as session:
            if (known := await carried_out(session, by.org_id, token)) is not None:
                return (await store.find(session, by.org_id, known)).instance
            await open_project(session, by.org_id, wanted.project_id)
            await check_affordable(session, by.org_id, wanted.project_id, self.clock.wall())
            begun = plan(wanted.months, -(-self.clock.wall() // 1_000_000))
            rate = await _rate(session, snapshot.id, begun, self.clock)
            return await self._made(
                session, by, wanted.project_id, Requested(name, chosen, begun, rate), token
            )

    async def update(
        self, by: AdminCaller, instance_id: InstanceId, changes: Changes, token: Token | None = None
    ) -> Instance:
        """Change what an instance runs: at once where only its gate changes, else behind a second host.

        Raises as `create` does, and `InstanceStateConflict`.
        """
        async with self._turn() as session:
            if (done := await self._repeated(session, by, instance_id, token)) is not None:
                return done
            before = (await store.find(session, by.org_id, instance_id)).instance
            snapshot = self.snapshot_of(changes.model or before.snapshot)
            after = changed(before.configuration, changes, snapshot)
            if after == before.configuration:
                return before
            rate = await _rate(session, snapshot.id, before.plan, self.clock)
            if rate.of(after.share.units) > before.standing.rate.of(before.share.units):
                await check_affordable(session, by.org_id, before.project_id, self.clock.wall())
            change = UpdateAccepted(
                after,
                rate,
                before.standing.next_version + 1,
                restart_needed(before.configuration, after, before.standing.places),
            )
            asked = {"changes_requested": _said(after)}
            try:
                return await self._done(session, by, instance_id, change, "instance.updated", token, asked)
            except CapacityUnavailable as error:
                both = "It needs the memory of both engines, while the new one takes over."
                raise CapacityUnavailable(f"{error.message} {both}", param=error.param) from error

    async def start(self, by: AdminCaller, instance_id: InstanceId, token: Token | None = None) -> Instance:
        """Start an instance that is stopped or has failed; one that runs is left alone.

        Raises `ObjectNotFound`, `CapacityUnavailable`, `InstanceStateConflict`, `InvalidRequest` where the
        project is archived, `QuotaExceeded` where a budget is used up and the start costs anything.
        """
        async with self._turn() as session:
            if (done := await self._repeated(session, by, instance_id, token)) is not None:
                return done
            now = (await store.find(session, by.org_id, instance_id)).instance
            if now.state in {"reserved", "provisioning", "ready", "updating"}:
                return now
            await open_project(session, by.org_id, now.project_id)
            if isinstance(now.plan, OnDemand) or not now.standing.ever_ready:
                await check_affordable(session, by.org_id, now.project_id, self.clock.wall())
            return await self._done(session, by, instance_id, StartAccepted(), "instance.started", token)

    async def stop(
        self,
        by: AdminCaller,
        instance_id: InstanceId,
        drain_seconds: int = DRAIN_SECONDS,
        token: Token | None = None,
    ) -> Instance:
        """Stop an instance once what runs has ended, within `drain_seconds`, which cost nothing.

        One that is stopped, or on its way to be, is left alone. Raises `ObjectNotFound`, `InvalidRequest`.
        """
        change = StopAccepted(check_drain(drain_seconds))
        async with self._turn() as session:
            if (done := await self._repeated(session, by, instance_id, token)) is not None:
                return done
            now = (await store.find(session, by.org_id, instance_id)).instance
            if now.state in {"draining", "stopped"}:
                return now
            asked = {"drain_seconds": drain_seconds}
            return await self._done(session, by, instance_id, change, "instance.stopped", token, asked)

    async def delete(
        self,
        by: AdminCaller,
        instance_id: InstanceId,
        drain_seconds: int = DRAIN_SECONDS,
        token: Token | None = None,
    ) -> Instance:
        """Delete an instance once what runs has ended; one that is gone, or going, is left alone.

        Raises `ObjectNotFound`, and `InvalidRequest` before the end of a reserved term.
        """
        change = DeletionAccepted(check_drain(drain_seconds))
        async with self._turn() as session:
            if (done := await self._repeated(session, by, instance_id, token)) is not None:
                return done
            now = (await store.find(session, by.org_id, instance_id)).instance
            if now.state == "terminated" or now.standing.deleting:
                return now
            _refuse_before_the_end(now, self.clock)
            gone = await self._done(session, by, instance_id, change, "instance.deleted", token)
            if gone.standing.node and now.standing.ever_ready:
                return gone  # whoever runs the machine ends it, and what it owes is charged first
            if now.state in STARTABLE or not gone.standing.node:
                return await store.append(
                    session, by.org_id, instance_id, Terminated(), cause="command", clock=self.clock
                )
            return gone

    async def get(self, org_id: OrgId, instance_id: InstanceId) -> Kept:
        """Return an instance with its history. Raises `ObjectNotFound`."""
        async with self.db.read() as session:
            return await store.find(session, org_id, instance_id)

    async def list(
        self, org_id: OrgId, project_id: ProjectId | None = None, *, gone: bool = False
    ) -> "tuple[Kept, ...]":
        """Return the organization's instances, the oldest first; with `gone`, terminated ones too."""
        async with self.db.read() as session:
            return tuple(await store.of_organization(session, org_id, project_id, gone=gone))

    def segments(self, kept: Kept) -> "tuple[Segment, ...]":
        """Return what is paid for of an instance, as far as it is known to have run."""
        return segments(kept.events, known_until(kept, self.clock))

    async def curve(self, org_id: OrgId, instance_id: InstanceId) -> Curve | None:
        """Return an instance's latest load curve, None where nobody has measured. Raises `ObjectNotFound`."""
        async with self.db.read() as session:
            await store.find(session, org_id, instance_id)
            return await find_curve(session, instance_id)

    async def utilization(
        self, org_id: OrgId, instance_id: InstanceId, hours: int, minutes: int = 1
    ) -> tuple[Use, ...]:
        """Return how busy an instance was in the last `hours`, in steps of so many minutes.

        Raises `ObjectNotFound`.
        """
        since = self.clock.second - hours * 3_600
        async with self.db.read() as session:
            await store.find(session, org_id, instance_id)
            return bucketed(await uses(session, instance_id, since), minutes * MINUTE)

    async def advise(
        self, org_id: OrgId, model: str, share: Share, project_id: ProjectId | None = None
    ) -> Advice:
        """Compare an instance of that size with paying for tokens, for what was used in the last 30 days.

        Raises `ModelNotFound`, `ObjectNotFound`, `InvalidRequest`.
        """
        snapshot = self.snapshot_of(model)
        async with self.db.read() as session:
            if project_id is not None:
                await find_project(session, org_id, project_id)
            book = await _book(session, self.clock)
            traffic = await traffic_of(session, org_id, project_id, snapshot.id, self.clock.second)
            speed = await sustainable(session, snapshot.id, share)
        return advice(book, model, snapshot, units=share.units, traffic=traffic, sustainable=speed)

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[AsyncSession]:
        async with self.db.transaction() as session:
            yield session
        self.wake()

    async def _made(
        self,
        session: AsyncSession,
        by: AdminCaller,
        project_id: ProjectId,
        change: Requested,
        token: Token | None,
    ) -> Instance:
        instance_id, clock = new_instance_id(), self.clock
        actor = by.user_id
        await store.insert(session, instance_id, by.org_id, project_id, change, actor=actor, clock=clock)
        node = await capacity.place(session, change.configuration.share, clock.wall())
        reserved = CapacityReserved(node)
        made = await store.append(session, by.org_id, instance_id, reserved, cause="command", clock=clock)
        details = {"data": {"name": change.name, **_said(change.configuration)}}
        await record(session, by, "instance.created", instance_id, details, project_id)
        await remember(session, by.org_id, token, instance_id, clock.wall())
        return made

    async def _repeated(
        self, session: AsyncSession, by: AdminCaller, instance_id: InstanceId, token: Token | None
    ) -> Instance | None:
        known = await carried_out(session, by.org_id, token)
        return None if known is None else (await store.find(session, by.org_id, instance_id)).instance

    async def _done(
        self,
        session: AsyncSession,
        by: AdminCaller,
        instance_id: InstanceId,
        change: Change,
        audited: str,
        token: Token | None,
        details: Mapping[str, object] | None = None,
    ) -> Instance:
        actor, clock = by.user_id, self.clock
        after = await store.append(
            session, by.org_id, instance_id, change, actor=actor, cause="command", clock=clock
        )
        await record(session, by, audited, instance_id, details, after.project_id)
        await remember(session, by.org_id, token, instance_id, clock.wall())
        return after


async def _book(session: AsyncSession, clock: Clock) -> PriceBookVersion:
    connection = await session.connection()
    return in_force(await connection.run_sync(load_books), clock.wall())


async def _rate(session: AsyncSession, snapshot: str, begun: Plan, clock: Clock) -> Rate:
    """Return the price that is in force now. Raises `InvalidRequest` where there is none."""
    book = await _book(session, clock)
    term = (f"*dedicated-{begun.months}m",) if isinstance(begun, Reserved) else ()
    row = book.hour((snapshot, *term))
    if row is None:
        raise InvalidRequest(
            f"The price book '{book.version}' has no price for instance_seconds: publish one that has.",
            code="no_price",
        )
    return Rate(row.nano_usd, book.version, row.minimum)


def _refuse_before_the_end(instance: Instance, clock: Clock) -> None:
    term = instance.plan
    if isinstance(term, Reserved) and instance.standing.ever_ready and clock.second < term.end:
        raise InvalidRequest(
            "The instance is reserved, and its term is not over: it can be stopped, and ends by itself.",
            code="term_not_over",
        )


def _said(chosen: Configuration) -> dict[str, object]:
    return asdict(chosen)
