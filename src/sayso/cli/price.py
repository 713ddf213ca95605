"""`sayso price`: what something costs; needs neither a server nor a database."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import typer

from sayso.app.instances import compare_with_tokens
from sayso.app.names import catalogue_in_force
from sayso.app.prices import prices_in_force
from sayso.billing.comparison import reference_prices, stated_price, times, verdict
from sayso.billing.money import format_usd
from sayso.billing.price_text import METER_NAMES, price_text, quantity_text
from sayso.billing.pricing import DEDICATED, Kind, Line, PriceBookVersion, PriceRow, line
from sayso.catalog.catalogue import Catalogue
from sayso.cli.console import id_table, out, refusals
from sayso.cli.dedicated_price import print_advice
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.config import load_settings
from sayso.core.metering import Meter
from sayso.errors import InvalidRequest, ModelNotFound

DEFAULT_MODELS: dict[Kind, str] = {"chat": "gpt-3.5-turbo", "speech": "whisper-1"}
_MINUTE = 60_000  # milliseconds


@dataclass(frozen=True, slots=True)
class _Offer:
    """A quantity of a model at its price."""

    model: str
    snapshot: str
    row: PriceRow
    line: Line


def price_command(
    tokens: Annotated[int | None, typer.Option(min=0, help="Price of this many tokens.")] = None,
    audio_minutes: Annotated[
        str | None, typer.Option(metavar="MINUTES", help="Price of this much audio, such as 1 or 0.5.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Model, by alias or snapshot.")] = None,
    compare: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL-OR-PRICE",
            help="Another model, or a price in dollars per 1,000 tokens or per minute, to compare with.",
        ),
    ] = None,
    compare_dedicated: Annotated[
        bool,
        typer.Option("--compare-dedicated", help="From how many tokens a day an instance is cheaper."),
    ] = False,
    cores: Annotated[int, typer.Option(min=1, help="Cores of that instance.")] = 1,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Say what tokens or audio cost; without either, list the prices."""
    with refusals():
        settings = load_settings(config, data_dir=data_dir)
        if compare_dedicated:
            named = model or DEFAULT_MODELS["chat"]
            print_advice(asyncio.run(compare_with_tokens(settings, named, cores)), as_json=as_json)
            return
        book = asyncio.run(prices_in_force(settings))
        if tokens is None and audio_minutes is None and model is None and compare is None:
            _print_list(book, as_json=as_json)
            return
        catalogue = asyncio.run(catalogue_in_force(settings))
        if tokens is None and audio_minutes is None:
            kind = _named(catalogue, book, model)[1] if model else "chat"
            tokens, audio_minutes = (1_000, None) if kind == "chat" else (None, "1")
        offers: list[_Offer] = []
        if tokens is not None:
            offers += _offers(catalogue, book, model, "chat", tokens)
        if audio_minutes is not None:
            offers += _offers(catalogue, book, model, "speech", _milliseconds(audio_minutes))
        rivals = [_rival(catalogue, book, compare, offer.row.meter) if compare else None for offer in offers]
    if as_json:
        answers = [_as_dict(book, *pair) for pair in zip(offers, rivals, strict=True)]
        out.out(json.dumps(answers[0] if len(answers) == 1 else answers), highlight=False)
        return
    for offer, rival in zip(offers, rivals, strict=True):
        _print_offer(book, offer, rival, several=sum(o.row.meter != "audio_milliseconds" for o in offers) > 1)


def _offers(
    catalogue: Catalogue, book: PriceBookVersion, model: str | None, kind: Kind, quantity: int
) -> list[_Offer]:
    """Return one offer; two where prompts and answers have different prices."""
    name = model or DEFAULT_MODELS[kind]
    snapshot, actual = _named(catalogue, book, name)
    if actual != kind:
        unit = "the minute: give --audio-minutes" if actual == "speech" else "the token: give --tokens"
        raise InvalidRequest(f"'{name}' is billed by {unit}.")
    meters: Sequence[Meter]
    meters = ("audio_milliseconds",) if kind == "speech" else ("prompt_tokens", "completion_tokens")
    rows = [book.row(kind, name, snapshot, meter) for meter in meters]
    if len({(row.nano_usd, row.unit_size, row.increment, row.minimum) for row in rows}) == 1:
        rows = rows[:1]
    return [_Offer(name, snapshot, row, line(row, quantity)) for row in rows]


def _named(catalogue: Catalogue, book: PriceBookVersion, name: str) -> tuple[str, Kind]:
    """Return the snapshot and the kind of a model that is known here or has a price."""
    try:
        snapshot = catalogue.resolve(name)
    except ModelNotFound:
        meters = {row.meter for row in book.rows if row.model == name}
        if not meters or name.startswith("*"):
            raise
        return name, "speech" if meters == {"audio_milliseconds"} else "chat"
    return snapshot.id, snapshot.kind


def _rival(catalogue: Catalogue, book: PriceBookVersion, text: str, meter: Meter) -> PriceRow:
    if found := reference_prices().get((text, meter)):
        return found
    if text.removeprefix("$")[:1].isdigit():
        return stated_price(text, meter)
    snapshot, kind = _named(catalogue, book, text)
    if (kind == "speech") != (meter == "audio_milliseconds"):
        raise InvalidRequest(f"'{text}' does another kind of work: there is nothing to compare.")
    return book.row(kind, text, snapshot, meter)


def _milliseconds(minutes: str) -> int:
    try:
        amount = Decimal(minutes) * _MINUTE
    except InvalidOperation:
        amount = Decimal(-1)
    if not (amount.is_finite() and 0 <= amount <= 10**15):
        raise InvalidRequest(f"'{minutes}' is no number of minutes.")
    return int(amount.to_integral_value())


def _print_offer(book: PriceBookVersion, offer: _Offer, rival: PriceRow | None, *, several: bool) -> None:
    row = offer.row
    out.out(f"${format_usd(offer.line.amount)}", highlight=False)
    what = f"{METER_NAMES[row.meter]}: " if several else ""
    quantity = quantity_text(row.meter, offer.line.billed)
    price = price_text(row.meter, row.nano_usd, row.unit_size)
    out.print(f"{what}{quantity} of {offer.model} at {price} (prices: {book.version})", markup=False)
    if rival is not None:
        out.print(_comparison(row, rival), markup=False)


def _comparison(ours: PriceRow, theirs: PriceRow) -> str:
    price = price_text(theirs.meter, theirs.nano_usd, theirs.unit_size)
    stated = theirs.model.removeprefix("$")[:1].isdigit()
    name = price if stated or theirs.model.startswith("*") else f"{theirs.model} at {price}"
    return f"{verdict(times(ours, theirs))} {name}"


def _print_list(book: PriceBookVersion, *, as_json: bool) -> None:
    if as_json:
        prices = [
            {"model": row.model, "meter": row.meter, "nano_usd": row.nano_usd, "unit_size": row.unit_size}
            | {"increment": row.increment, "minimum": row.minimum}
            for row in book.rows
        ]
        out.out(json.dumps({"price_book": book.version, "prices": prices}), highlight=False)
        return
    table = id_table("model", "meter", "price")
    names = {"*chat": "other chat models", "*speech": "other speech models", DEDICATED: "dedicated instance"}
    for row in sorted(book.rows, key=lambda row: (row.model.startswith("*"), row.model)):
        price = price_text(row.meter, row.nano_usd, row.unit_size)
        table.add_row(names.get(row.model, row.model), METER_NAMES[row.meter], price)
    out.print(table)


def _as_dict(book: PriceBookVersion, offer: _Offer, rival: PriceRow | None) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "model": offer.model,
        "snapshot": offer.snapshot,
        "price_book": book.version,
        "meter": offer.row.meter,
        "quantity": offer.line.quantity,
        "billed": offer.line.billed,
        "nano_usd": offer.line.amount,
        "usd": format_usd(offer.line.amount),
    }
    if rival is not None:
        ratio = times(offer.row, rival)
        answer["comparison"] = {
            "with": rival.model,
            "nano_usd": rival.nano_usd,
            "unit_size": rival.unit_size,
            "times_cheaper": float(ratio) if ratio is not None else None,
            "text": _comparison(offer.row, rival),
        }
    return answer
