"""What answers said, what the ledger holds, what reports and invoices show: the same, to the nano-dollar."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, select

from sayso.billing.cost_report import costs_by_day
from sayso.billing.invoice_document import as_csv, as_json
from sayso.billing.invoice_store import draft
from sayso.billing.invoices import Month, Party
from sayso.billing.journal import receivable
from sayso.billing.ledger_view import balances
from sayso.billing.tables import UsageEventRow
from sayso.billing.usage_buckets import bucket_page
from sayso.billing.usage_report import usage_in_buckets
from sayso.billing.usage_summary import By, usage_sums
from sayso.billing.verify import verify
from sayso.db.session import Database
from sayso.ids import OrgId
from tests.integration.billing.billed_application import (
    ORGANIZATIONS,
    Responses,
    billed_application,
    send_mixed,
)
from tests.postgresql_server import PostgresqlServer

MARCH = Month(2023, 3)
GROUPINGS: tuple[By, ...] = ("model", "project", "key", "day")
TOKEN, SECOND = Decimal("0.000002"), Decimal("0.0001")  # dollars, the launch's


class Ticking:
    """A clock that goes through the month, a minute at a time or slower."""

    def __init__(self, count: int) -> None:
        self.now = MARCH.start * 1_000_000
        self.step = min(60_000_000, (MARCH.end - MARCH.start) * 1_000_000 // (4 * count + 64))

    def __call__(self) -> int:
        self.now += self.step
        return self.now


def owed(seen: Responses, org: str) -> int:
    """Nano-dollars by an independent reading of the answers."""
    dollars = seen.tokens[org] * TOKEN + seen.seconds[org] * SECOND
    assert dollars * 10**9 == int(dollars * 10**9)
    return int(dollars * 10**9)


async def differences(db: Database, org: OrgId, seen: Responses) -> dict[str, int]:
    """How far each account of the month is from what the answers said."""
    expected = owed(seen, org)
    page = bucket_page(MARCH.start, MARCH.end, "1d", 31)
    days = await costs_by_day(db, org, page, group_by=["project_id", "line_item"])
    text = await usage_in_buckets(db, org, "text", page, "1d", group_by=["model"])
    speech = await usage_in_buckets(db, org, "speech", page, "1d", group_by=["model"])
    charges = select(func.sum(UsageEventRow.charge)).where(UsageEventRow.organization_id == org)
    async with db.read() as session:
        events = int(await session.scalar(charges) or 0)
    tables = {by: await usage_sums(db, org, MARCH.start, MARCH.end, by) for by in GROUPINGS}
    invoice = await draft(db, Party(org, "Buyer"), MARCH)
    used = [group.totals for bucket in text for group in bucket]
    heard = [group.totals for bucket in speech for group in bucket]
    return {
        "usage events": events - expected,
        "ledger": (await balances(db))[receivable(org)] - expected,
        "costs": sum(group.amount for day in days for group in day) - expected,
        "invoice": invoice.nano_usd - expected,
        **{f"usage by {by}": sum(one.nano_usd for one in table) - expected for by, table in tables.items()},
        "tokens": sum(one.prompt_tokens + one.completion_tokens for one in used) - seen.tokens[org],
        "prompt tokens": sum(one.prompt_tokens for one in used) - seen.prompt_tokens[org],
        "audio seconds": sum(one.audio_seconds for one in heard) - seen.seconds[org],
        "requests": sum(one.requests for one in (*used, *heard)) - seen.requests[org],
    }


async def exports(db: Database) -> str:
    """Everything that is handed out about the month, as text."""
    parts: list[str] = []
    for number in range(ORGANIZATIONS):
        org = OrgId(f"org_{number}")
        invoice = await draft(db, Party(org, "Buyer"), MARCH, seller="Seller")
        parts += [as_json(invoice), as_csv(invoice)]
        parts += [
            repr(await usage_sums(db, org, MARCH.start, MARCH.end, by)) for by in ("model", "project", "key")
        ]
    return "\n".join(parts)


async def run_and_compare(url: str, count: int, at_once: int = 32) -> str:
    """Send `count` requests; every sum must agree. Return the exports."""
    async with billed_application(url, Ticking(count)) as (app, db):
        seen = await send_mixed(app, count, at_once=at_once)
        assert seen.requests.total() == count
        found = {}
        for number in range(ORGANIZATIONS):
            org = OrgId(f"org_{number}")
            assert owed(seen, org) > 0
            found[org] = await differences(db, org, seen)
        assert {name for sums in found.values() for name, difference in sums.items() if difference} == set()
        standing = await balances(db)
        assert sum(standing.values()) == 0
        assert -sum(amount for account, amount in standing.items() if account.startswith("revenue:")) == sum(
            owed(seen, org) for org in found
        )
        checked = await verify(db)
        assert (checked.divergence, checked.usage_events) == (None, count)
        print(
            f"{count} requests, {seen.tokens.total()} tokens, {seen.seconds.total()} s of audio: difference 0"
        )
        return await exports(db)


async def test_a_thousand_requests_agree_everywhere(database_url: str) -> None:
    await run_and_compare(database_url, 1_000)


async def test_both_databases_export_the_same_bytes(
    tmp_path: Path, postgresql_server: PostgresqlServer
) -> None:
    first = await run_and_compare(f"sqlite:///{tmp_path / 'sayso.db'}", 200)
    second = await run_and_compare(postgresql_server.new_database(), 200)
    assert first.encode() == second.encode()
    assert len(first) > 5_000


@pytest.mark.long
@pytest.mark.timeout(3_000)
async def test_a_hundred_thousand_requests_agree_everywhere(
    tmp_path: Path, postgresql_server: PostgresqlServer, record_property: Callable[[str, object], None]
) -> None:
    first = await run_and_compare(f"sqlite:///{tmp_path / 'sayso.db'}", 100_000)
    second = await run_and_compare(postgresql_server.new_database(), 100_000)
    assert first.encode() == second.encode()
    record_property("difference_nano_usd", 0)
