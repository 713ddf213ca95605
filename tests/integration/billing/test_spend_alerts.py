"""Spend alerts and limits on real databases: told once a month, by one process, and of the right scope."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import update

from sayso.app.spend_watch import tell_of_spending
from sayso.billing.budgets import budget, set_budget
from sayso.billing.counters import period_start
from sayso.billing.ledger import wall_clock
from sayso.billing.scopes import Scope
from sayso.billing.spend_alerts import AlertTerms, add_alert, change_alert, raise_alerts
from sayso.billing.tables import Counter
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.telemetry.metrics import Metrics

NOW = 1_800_000_000_000_000
NEXT_MONTH = NOW + 40 * 86_400 * 1_000_000
PROJECT = Scope("project", "proj_1")
ORGANIZATION = Scope("organization", "org_1")


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url) as database:
        await migrate(database)
        yield database


async def charge(db: Database, scope: Scope, posted: int, *, held: int = 0, now: int = NOW) -> None:
    """Let the month's counter of `scope` stand at these nano-dollars."""
    async with db.transaction() as session:
        await session.merge(
            Counter(
                period_start=period_start("month", now),
                scope_id=scope.id,
                scope_kind=scope.kind,
                model="",
                period="month",
                requests=1,
                tokens=1,
                audio_milliseconds=0,
                held=held,
                posted=posted,
            )
        )


async def test_an_alert_is_told_once_a_month_when_charges_reach_it(db: Database) -> None:
    async with db.transaction() as session:
        alert = await add_alert(session, PROJECT, AlertTerms(1_000, ("a@example.com",)), NOW)
        await add_alert(session, ORGANIZATION, AlertTerms(1_000, ("a@example.com",)), NOW)
    assert await raise_alerts(db, NOW) == ()
    await charge(db, PROJECT, 999, held=500)
    assert await raise_alerts(db, NOW) == ()
    await charge(db, PROJECT, 1_000)
    (raised,) = await raise_alerts(db, NOW)
    assert (raised.id, raised.scope, raised.posted) == (alert.id, PROJECT, 1_000)
    assert await raise_alerts(db, NOW) == ()
    assert await raise_alerts(db, NEXT_MONTH) == ()
    await charge(db, PROJECT, 2_000, now=NEXT_MONTH)
    assert [again.id for again in await raise_alerts(db, NEXT_MONTH)] == [alert.id]


async def test_of_many_that_look_at_once_one_tells(db: Database) -> None:
    async with db.transaction() as session:
        await add_alert(session, PROJECT, AlertTerms(1, ("a@example.com",)), NOW)
    await charge(db, PROJECT, 5)
    told = await asyncio.gather(*(raise_alerts(db, NOW) for _ in range(8)))
    assert sum(map(len, told)) == 1


async def test_another_amount_is_told_again(db: Database) -> None:
    async with db.transaction() as session:
        alert = await add_alert(session, PROJECT, AlertTerms(1, ("a@example.com",)), NOW)
    await charge(db, PROJECT, 5)
    assert await raise_alerts(db, NOW)
    for nano_usd, told in ((1, 0), (4, 1)):
        async with db.transaction() as session:
            await change_alert(session, PROJECT, alert.id, AlertTerms(nano_usd, ("b@example.com",)))
        assert len(await raise_alerts(db, NOW)) == told


async def test_what_is_told_is_counted(db: Database) -> None:
    metrics = Metrics()
    async with db.transaction() as session:
        await add_alert(session, PROJECT, AlertTerms(1, ("a@example.com",)), NOW)
        await add_alert(session, ORGANIZATION, AlertTerms(1, ("a@example.com",)), NOW)
    for scope in (PROJECT, ORGANIZATION):
        await charge(db, scope, 5, now=wall_clock())
    for _ in range(2):
        await tell_of_spending(db, metrics, {})
    page = metrics.render()[0].decode()
    assert 'sayso_spend_alerts_total{scope="project"} 1.0' in page
    assert 'sayso_spend_alerts_total{scope="organization"} 1.0' in page


async def test_a_limit_is_reached_by_charges_and_what_is_held(db: Database) -> None:
    async with db.transaction() as session:
        assert await budget(session, PROJECT, "month", NOW) is None
        await set_budget(session, PROJECT, "month", 100)
    for posted, held, reached in ((0, 0, False), (60, 39, False), (60, 40, True), (100, 0, True)):
        await charge(db, PROJECT, posted, held=held)
        async with db.read() as session:
            found = await budget(session, PROJECT, "month", NOW)
            assert found is not None
            assert found.reached is reached
            later = await budget(session, PROJECT, "month", NEXT_MONTH)
            assert later is not None
            assert not later.reached
    async with db.transaction() as session:
        await session.execute(update(Counter).values(scope_id="proj_2"))
        unspent = await budget(session, PROJECT, "month", NOW)
        assert unspent is not None
        assert not unspent.reached
