"""An invoice: what an organization used in one UTC month, and what it owes for it.

Charges are exact nano-dollars until here. Each line is rounded once to cents, half up; a last line carries
what that leaves over, so that the lines add up to the rounded sum of all charges. Credits are taken off
that sum and never below zero.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, Self, TypeAlias

from sayso.billing.money import NANO_PER_CENT, checked
from sayso.core.metering import ALL_METERS, Meter
from sayso.errors import InvalidRequest

CURRENCY = "USD"

InvoiceState: TypeAlias = Literal["draft", "issued"]


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A UTC month."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `YYYY-MM`. Raises `InvalidRequest`."""
        try:
            moment = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
        except ValueError:
            raise InvalidRequest(
                f"'{text}' is not a month: write it as YYYY-MM.", param="month", code="invalid_value"
            ) from None
        return cls(moment.year, moment.month)

    @classmethod
    def of(cls, moment: datetime) -> Self:
        """Return the month that `moment` is in."""
        utc = moment.astimezone(UTC)
        return cls(utc.year, utc.month)

    @property
    def start(self) -> int:
        """Its first second, in Unix time."""
        return int(datetime(self.year, self.number, 1, tzinfo=UTC).timestamp())

    @property
    def end(self) -> int:
        """The second after its last."""
        following = (self.year + 1, 1) if self.number == 12 else (self.year, self.number + 1)
        return int(datetime(*following, 1, tzinfo=UTC).timestamp())

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """What `unit_size` units of a meter cost, in nano-dollars."""

    nano_usd: int
    unit_size: int


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One model's use of one meter in one project, at one price.

    `quantity` is what was counted, `billed_quantity` what was paid for, where a price bills whole seconds or
    the like; both in units of the meter. `unit_price` is None where the price is not in the book any more.
    `usage_month` is the month of usage that was settled too late for its own invoice, None for the invoice's.
    """

    project_id: str
    model: str
    meter: Meter
    price_version: str
    unit_price: UnitPrice | None
    quantity: int
    nano_usd: int
    usage_month: Month | None = None

    @property
    def cents(self) -> int:
        """The amount, rounded half up."""
        return to_cents(self.nano_usd)

    @property
    def billed_quantity(self) -> int:
        """The quantity that the unit price was paid for."""
        price = self.unit_price
        if price is None or price.nano_usd == 0:
            return self.quantity
        units, rest = divmod(self.nano_usd * price.unit_size, price.nano_usd)
        return self.quantity if rest else units


@dataclass(frozen=True, slots=True)
class Party:
    """An organization and the names of its projects by id, as they are on the day of the invoice."""

    id: str
    name: str
    projects: tuple[tuple[str, str], ...] = ()

    def project_name(self, project_id: str) -> str:
        """Return a project's name, or its id where it has none."""
        return dict(self.projects).get(project_id, project_id)


@dataclass(frozen=True, slots=True)
class Invoice:
    """What `buyer` owes `seller` for `month`; `number` and `issued_at` (Unix microseconds) once issued.

    `credit_nano_usd` is what was taken from the organization's credits and refunds, `credit_cents` how it
    shows on the invoice. `ledger_end` is the ledger's last transaction when it was issued.
    """

    month: Month
    buyer: Party
    seller: str
    note: str
    lines: tuple[InvoiceLine, ...]
    credit_nano_usd: int
    credit_cents: int
    number: str | None = None
    issued_at: int | None = None
    ledger_end: int | None = None

    @property
    def state(self) -> InvoiceState:
        """Whether it can still change."""
        return "draft" if self.number is None else "issued"

    @property
    def nano_usd(self) -> int:
        """The exact sum of the charges, before rounding and credits."""
        return sum(line.nano_usd for line in self.lines)

    @property
    def subtotal_cents(self) -> int:
        """That sum, rounded half up."""
        return to_cents(self.nano_usd)

    @property
    def rounding_cents(self) -> int:
        """What rounding each line on its own leaves over."""
        return self.subtotal_cents - sum(line.cents for line in self.lines)

    @property
    def total_cents(self) -> int:
        """What is owed."""
        return self.subtotal_cents - self.credit_cents


def format_cents(cents: int) -> str:
    """Return cents as a decimal in dollars with two places, such as `1234.50`."""
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole}.{rest:02}"


def to_cents(nano_usd: int) -> int:
    """Round nano-dollars to cents, half up (of an amount below zero: half away from zero)."""
    cents = (2 * abs(nano_usd) + NANO_PER_CENT) // (2 * NANO_PER_CENT)
    return cents if nano_usd >= 0 else -cents


def compose(
    month: Month,
    buyer: Party,
    lines: Iterable[InvoiceLine],
    *,
    credit_nano_usd: int = 0,
    seller: str = "",
    note: str = "",
) -> Invoice:
    """Make a draft.

    `credit_nano_usd` is what the organization has in credits and refunds; as much as the charges allow is
    taken. Raises `AmountOverflow`.
    """
    kept = merge(lines)
    charged = checked(sum(line.nano_usd for line in kept))
    cents = min(to_cents(charged), to_cents(max(0, credit_nano_usd)))
    taken = min(max(0, credit_nano_usd), cents * NANO_PER_CENT)
    named = tuple(
        (project, buyer.project_name(project)) for project in sorted({one.project_id for one in kept})
    )
    return Invoice(month, replace(buyer, projects=named), seller, note, kept, taken, cents)


def merge(lines: Iterable[InvoiceLine]) -> tuple[InvoiceLine, ...]:
    """Add up lines that agree in everything but quantity and amount; leave out what was not used."""
    return less(lines, ())


def less(lines: Iterable[InvoiceLine], told: Iterable[InvoiceLine]) -> tuple[InvoiceLine, ...]:
    """Add up `lines` as `merge` does, less what `told` has of the same; leave out what that evens out."""
    sums: dict[InvoiceLine, tuple[int, int]] = {}
    for sign, some in ((1, lines), (-1, told)):
        for line in some:
            key = replace(line, quantity=0, nano_usd=0)
            quantity, amount = sums.get(key, (0, 0))
            sums[key] = (quantity + sign * line.quantity, amount + sign * line.nano_usd)
    made = (replace(key, quantity=some[0], nano_usd=some[1]) for key, some in sums.items() if any(some))
    return tuple(sorted(made, key=_order))


def _order(line: InvoiceLine) -> tuple[str | int, ...]:
    price = line.unit_price or UnitPrice(0, 0)
    return (
        *(
            line.project_id,
            line.usage_month.start if line.usage_month else 0,
            line.model,
            ALL_METERS.index(line.meter),
            line.price_version,
        ),
        *(price.nano_usd, price.unit_size),
    )
