"""Whether an instance would be worth it: its price beside that of tokens, and a project's own traffic."""

from dataclasses import dataclass
from fractions import Fraction

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.billing.pricing import PriceBookVersion
from sayso.billing.tables import UsageDay
from sayso.catalog.snapshot import Snapshot
from sayso.dedicated.break_even import DAY_HOURS, DAY_SECONDS, BreakEven, blended, break_even
from sayso.errors import InvalidRequest
from sayso.ids import OrgId, ProjectId

DAYS = 30  # of traffic that are looked at


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was used of a snapshot in the last `DAYS` whole days and today, in tokens and nano-dollars."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    charged: int = 0

    @property
    def tokens_per_day(self) -> Fraction:
        """The average."""
        return Fraction(self.prompt_tokens + self.completion_tokens, DAYS)


@dataclass(frozen=True, slots=True)
class Advice:
    """An instance's price an hour and a token's on average, where they meet, and where the traffic is."""

    model: str
    snapshot: str
    price_version: str
    nano_usd_per_hour: int
    nano_usd_per_token: Fraction
    even: BreakEven
    traffic: Traffic

    @property
    def text(self) -> str:
        """The advice in a sentence."""
        even, own = self.even.tokens_per_day, self.traffic.tokens_per_day
        if self.even.is_reachable is False:
            return (
                f"An instance here can do {_count(self.even.reachable_per_day)} tokens a day at most, fewer "
                f"than the {_count(even)} from which it would be cheaper: not reachable here."
            )
        if not own:
            return f"An instance is cheaper from {_count(even)} tokens a day."
        share = int(own * 100 / even)
        if own < even:
            return (
                f"Your {_count(own)} tokens a day are {share}% of the {_count(even)} from which an instance "
                "is cheaper."
            )
        saved = int(own * self.nano_usd_per_token) - self.nano_usd_per_hour * DAY_HOURS
        return (
            f"Your {_count(own)} tokens a day are more than the {_count(even)} from which it is cheaper: an "
            f"instance would save ${saved / 1_000_000_000:,.2f} a day."
        )


def advice(
    book: PriceBookVersion,
    model: str,
    snapshot: Snapshot,
    *,
    units: int = 1,
    traffic: Traffic | None = None,
    sustainable: Fraction | None = None,
) -> Advice:
    """Compare an instance of so many units with paying for tokens, at the prices of `book`.

    Raises `InvalidRequest` for a model that is not paid for by tokens, and where one of the two has no price.
    """
    used = traffic or Traffic()
    row = book.hour((snapshot.id,))
    if snapshot.kind != "chat":
        raise InvalidRequest(f"'{model}' is not paid for by tokens.", param="model", code="invalid_value")
    if row is None:
        raise InvalidRequest(f"The price book '{book.version}' has no price for instances.", code="no_price")
    prompt = book.row("chat", model, snapshot.id, "prompt_tokens")
    completion = book.row("chat", model, snapshot.id, "completion_tokens")
    each = blended(prompt, completion, used.prompt_tokens, used.completion_tokens)
    if not each:
        raise InvalidRequest(f"'{model}' costs nothing: no instance is cheaper.", code="no_price")
    per_hour = row.nano_usd * units
    even = BreakEven(break_even(per_hour, each), sustainable)
    return Advice(model, snapshot.id, book.version, per_hour, each, even, used)


async def traffic_of(
    session: AsyncSession, org_id: OrgId, project_id: ProjectId | None, snapshot: str, now: int
) -> Traffic:
    """Return what an organization, or one project of it, has used of a snapshot; `now` in Unix seconds."""
    table = UsageDay
    today = now - now % DAY_SECONDS
    charges = table.prompt_charge + table.completion_charge
    query = select(
        func.coalesce(func.sum(table.prompt_tokens), 0),
        func.coalesce(func.sum(table.completion_tokens), 0),
        func.coalesce(func.sum(charges), 0),
    ).where(
        table.organization_id == org_id, table.day >= today - DAYS * DAY_SECONDS, table.snapshot == snapshot
    )
    if project_id is not None:
        query = query.where(table.project_id == project_id)
    return Traffic(*map(int, (await session.execute(query)).one()))


def _count(tokens: Fraction | None) -> str:
    return f"{int(tokens or 0):,}"
