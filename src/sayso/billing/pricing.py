"""What quantities cost: pure arithmetic over a version of the price book."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from sayso.billing.money import checked
from sayso.core.metering import METERS, Meter, Quantities

Kind: TypeAlias = Literal["chat", "speech"]
KIND_METERS: Mapping[Kind, tuple[Meter, ...]] = {
    "chat": ("prompt_tokens", "completion_tokens"),
    "speech": ("audio_milliseconds",),
}
HOUR_SECONDS: Final = 3_600
DEDICATED: Final = "*dedicated"  # whose hours have no price of their own


@dataclass(frozen=True, slots=True)
class PriceRow:
    """`nano_usd` for `unit_size` units; billed in whole increments, the nearest, ties up, at least `minimum`.

    `model` is a snapshot, an alias, or `*` with a kind for the models that have no row of their own.
    The price of `instance_seconds` is that of an hour: 3,600 units. `sayso.dedicated.segments` says how a
    part of an hour is rounded.
    """

    model: str
    meter: Meter
    nano_usd: int
    unit_size: int = 1
    increment: int = 1
    minimum: int = 0


@dataclass(frozen=True, slots=True)
class PriceBookVersion:
    """A published version; `effective_from` is in Unix microseconds."""

    id: int
    version: str
    effective_from: int
    rows: tuple[PriceRow, ...]
    by_name: Mapping[tuple[str, Meter], PriceRow] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {(row.model, row.meter): row for row in self.rows})

    def row(self, kind: Kind, model: str, snapshot: str, meter: Meter) -> PriceRow:
        """Return the price of the name that was asked for, else of its snapshot, else of its kind."""
        names, known = (model, snapshot, f"*{kind}"), self.by_name
        return next(known[name, meter] for name in names if (name, meter) in known)

    def hour(self, names: Sequence[str]) -> PriceRow | None:
        """Return the price of a dedicated instance's hour under the first name that has one."""
        meter: Meter = "instance_seconds"
        known = self.by_name
        return next((known[name, meter] for name in (*names, DEDICATED) if (name, meter) in known), None)


# What requests on a dedicated instance cost: its time has paid for them.
INCLUDED = PriceBookVersion(
    0,
    "dedicated",
    0,
    tuple(PriceRow(f"*{kind}", meter, 0) for kind, meters in KIND_METERS.items() for meter in meters),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One meter of a charge: what was counted, what is billed of it after rounding, nano-dollars."""

    meter: Meter
    quantity: int
    billed: int
    amount: int


@dataclass(frozen=True, slots=True)
class Charge:
    """The lines of one request, none for a meter that was not used."""

    lines: tuple[Line, ...]

    @property
    def amount(self) -> int:
        """The sum in nano-dollars. Raises `AmountOverflow`."""
        return checked(sum(line.amount for line in self.lines))

    def of(self, meter: Meter) -> int:
        """Return what one meter costs, in nano-dollars."""
        return sum(line.amount for line in self.lines if line.meter == meter)


def price(book: PriceBookVersion, kind: Kind, model: str, snapshot: str, quantities: Quantities) -> Charge:
    """Return what `quantities` cost. Raises `AmountOverflow`."""
    lines = []
    for meter in METERS:
        if (quantity := quantities.of(meter)) > 0:
            row = book.row(kind if meter in KIND_METERS[kind] else _kind_of(meter), model, snapshot, meter)
            lines.append(line(row, quantity))
    return Charge(tuple(lines))


def line(row: PriceRow, quantity: int) -> Line:
    """Return what `quantity` units cost at this price, exactly. Raises `AmountOverflow`."""
    billed = max(row.minimum, (2 * quantity + row.increment) // (2 * row.increment) * row.increment)
    return Line(row.meter, quantity, billed, checked(billed * row.nano_usd // row.unit_size))


def is_exact(row: PriceRow) -> bool:
    """Return whether every quantity costs a whole number of nano-dollars, so that nothing is rounded.

    Of time, an hour is what costs a whole number, and its parts add up to it.
    """
    if row.meter == "instance_seconds":
        return row.unit_size == HOUR_SECONDS and row.increment == 1
    return not row.increment * row.nano_usd % row.unit_size and not row.minimum % row.increment


def _kind_of(meter: Meter) -> Kind:
    return "speech" if meter == "audio_milliseconds" else "chat"
