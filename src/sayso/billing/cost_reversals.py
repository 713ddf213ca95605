"""What was charged and taken back again: costs do not show it."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from sayso.billing.journal import revenue
from sayso.billing.tables import LedgerEntry, LedgerTransaction, UsageEventRow
from sayso.billing.usage_buckets import WIDTH_SECONDS, BucketPage
from sayso.billing.usage_events import whole_seconds
from sayso.billing.usage_report import UsageFilter, filters
from sayso.core.metering import METERS
from sayso.ids import OrgId

_MICRO = 1_000_000
_DAY = WIDTH_SECONDS["1d"]
_REVENUES = {revenue(meter): at for at, meter in enumerate(METERS)}


async def reversals_by_day(
    session: AsyncSession, org_id: OrgId, page: BucketPage, only: UsageFilter
) -> Iterator[tuple[int, tuple[str, str, str], tuple[Any, ...]]]:
    """Return each meter of each reversed charge: the start of the UTC day of its admission; whose it was,
    as project, user and key; and the model with, for tokens in, tokens out and seconds of audio, the
    quantities and then the amounts, all below zero or 0.
    """
    return map(_negative, (await session.execute(_reversed(org_id, page, only))).all())


def _reversed(org_id: OrgId, page: BucketPage, only: UsageFilter) -> Select[Any]:
    posted, event, entry = LedgerTransaction, UsageEventRow, LedgerEntry
    columns: tuple[InstrumentedAttribute[Any], ...] = (
        *(event.admitted_at, event.project_id, event.user_id, event.api_key_id, event.model),
        *(event.prompt_tokens, event.completion_tokens, event.audio_milliseconds),
        *(entry.account, entry.amount),
    )
    return (
        select(*columns)
        .select_from(posted)
        .join(event, event.request_id == posted.reference)
        .join(entry, entry.transaction_id == posted.id)
        # As text, for a bound value does not tell the planner that the index of what is no charge will do.
        .where(posted.organization_id == org_id, text("ledger_transactions.kind <> 'charge'"))
        .where(posted.reverses == event.transaction_id, entry.account.in_(_REVENUES))
        .where(event.admitted_at >= page.start * _MICRO, event.admitted_at < page.end * _MICRO)
        .where(*filters(only, event))
    )


def _negative(row: Any) -> tuple[int, tuple[str, str, str], tuple[Any, ...]]:
    admitted_at, project_id, user_id, api_key_id, model, *used, account, amount = row
    meter = _REVENUES[account]
    used[-1] = whole_seconds(used[-1])
    quantities = [-used[at] if at == meter else 0 for at in range(len(METERS))]
    amounts = [-amount if at == meter else 0 for at in range(len(METERS))]
    seconds = admitted_at // _MICRO
    labels = (project_id, user_id, api_key_id)
    return seconds - seconds % _DAY, labels, (model, *quantities, *amounts)
