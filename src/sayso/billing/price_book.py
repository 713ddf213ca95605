"""Versions of the price book: read them from data, publish them, load what is published."""

import hashlib
import json
import time
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any, cast

from sqlalchemy import Connection, bindparam, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.billing.money import parse_usd
from sayso.billing.pricing import KIND_METERS, PriceBookVersion, PriceRow, is_exact
from sayso.billing.tables import Price, PriceBook
from sayso.core.metering import ALL_METERS, Meter
from sayso.db.session import Database
from sayso.errors import InvalidRequest

MAX_PRICE = 10**15  # nano-dollars: a million dollars a unit
MAX_UNITS = 10**9


@dataclass(frozen=True, slots=True)
class PriceBookDraft:
    """A version that is not published yet."""

    version: str
    currency: str
    rows: tuple[PriceRow, ...]


def launch_prices() -> PriceBookDraft:
    """Return the prices that a new database starts with."""
    return read_draft(tomllib.loads(files("sayso.billing").joinpath("launch.toml").read_text("utf-8")))


def read_draft(values: Mapping[str, Any]) -> PriceBookDraft:
    """Read a version from data in the form of `launch.toml`. Raises `InvalidRequest`."""
    try:
        rows = tuple(
            PriceRow(
                model,
                meter,
                parse_usd(entry["usd"]),
                entry.get("unit_size", 1),
                entry.get("increment", 1),
                entry.get("minimum", 0),
            )
            for entry in values["prices"]
            for model in entry["models"]
            for meter in entry["meters"]
        )
        draft = PriceBookDraft(values["version"], values.get("currency", "USD"), rows)
    except (KeyError, TypeError, AttributeError):
        raise InvalidRequest(
            "A price book has a version and prices, each with models, meters and usd.", param="prices"
        ) from None
    check_draft(draft)
    return draft


def check_draft(draft: PriceBookDraft) -> None:
    """Refuse a version that could not price everything exactly and once. Raises `InvalidRequest`."""
    seen = set()
    for row in draft.rows:
        numbers = (row.nano_usd, row.unit_size, row.increment, row.minimum)
        if row.meter not in ALL_METERS or not all(type(number) is int for number in numbers):
            raise InvalidRequest(f"A price of '{row.model}' has an unknown meter or a number that is none.")
        if not (0 <= row.nano_usd <= MAX_PRICE and 0 <= row.minimum <= MAX_UNITS):
            raise InvalidRequest(f"The {row.meter} of '{row.model}' have a price out of range.")
        if not (1 <= row.unit_size <= MAX_UNITS and 1 <= row.increment <= MAX_UNITS) or not is_exact(row):
            raise InvalidRequest(f"The {row.meter} of '{row.model}' have no exact price per increment.")
        if (row.model, row.meter) in seen:
            raise InvalidRequest(f"The {row.meter} of '{row.model}' have two prices.")
        seen.add((row.model, row.meter))
    if missing := [
        f"*{kind}" for kind, meters in KIND_METERS.items() for m in meters if (f"*{kind}", m) not in seen
    ]:
        raise InvalidRequest(f"There is no price for '{missing[0]}', the models without one of their own.")
    if draft.currency != "USD" or not 0 < len(draft.version) <= 64:
        raise InvalidRequest("A price book is in USD and its version has 1 to 64 characters.")


async def ensure_launch_prices(db: Database) -> None:
    """Publish the launch's prices, in force since ever, where no version is published."""
    async with db.transaction() as session:
        if await session.scalar(select(PriceBook.id).limit(1)) is None:
            await _insert(session, launch_prices(), effective_from=0, now=_now())


async def publish(db: Database, draft: PriceBookDraft, *, effective_from: int) -> PriceBookVersion:
    """Publish a version for good; `effective_from` is in Unix microseconds, now at the earliest.

    Raises `InvalidRequest` for a version that exists, a moment that has passed (what was admitted since is
    priced already) and prices that are not exact.
    """
    check_draft(draft)
    async with db.transaction() as session:
        now = _now()
        if effective_from < now:
            raise InvalidRequest("A price book can not take effect in the past.", param="effective_from")
        if await session.scalar(select(PriceBook.id).where(PriceBook.version == draft.version)) is not None:
            raise InvalidRequest(f"The version '{draft.version}' is published already.", param="version")
        number = await _insert(session, draft, effective_from=effective_from, now=now)
        return PriceBookVersion(number, draft.version, effective_from, draft.rows)


def load_books(connection: Connection, *, after: int = 0) -> list[PriceBookVersion]:
    """Return the published versions with ids greater than `after`, in order."""
    heads = connection.execute(_BOOKS_AFTER, {"after": after}).all()
    return [PriceBookVersion(*head, load_rows(connection, head.id)) for head in heads]


_BOOKS_AFTER = (
    select(PriceBook.id, PriceBook.version, PriceBook.effective_from)
    .where(PriceBook.id > bindparam("after"))
    .order_by(PriceBook.id)
)


def load_rows(connection: Connection, book_id: int) -> tuple[PriceRow, ...]:
    """Return the prices of one version, sorted by model and meter."""
    columns = (Price.model, Price.meter, Price.nano_usd, Price.unit_size, Price.increment, Price.minimum)
    rows = connection.execute(select(*columns).where(Price.price_book_id == book_id))
    found = (PriceRow(model, cast("Meter", meter), *numbers) for model, meter, *numbers in rows)
    return tuple(sorted(found, key=lambda row: (row.model, row.meter)))


def in_force(books: list[PriceBookVersion], moment: int) -> PriceBookVersion:
    """Return the version that prices what is admitted at `moment`: of the latest, the last published."""
    return max(
        (book for book in books if book.effective_from <= moment),
        key=lambda book: (book.effective_from, book.id),
    )


def fingerprint(rows: tuple[PriceRow, ...]) -> str:
    """Return the SHA-256 of the prices, 64 hex digits, whatever their order."""
    ordered = sorted(rows, key=lambda row: (row.model, row.meter))
    text = json.dumps([asdict(row) for row in ordered], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


async def _insert(session: AsyncSession, draft: PriceBookDraft, *, effective_from: int, now: int) -> int:
    last = await session.scalar(select(func.max(PriceBook.id)))
    number = (last or 0) + 1
    session.add(
        PriceBook(
            id=number,
            version=draft.version,
            currency=draft.currency,
            effective_from=effective_from,
            published_at=now,
            supersedes=last,
            sha256=fingerprint(draft.rows),
        )
    )
    await session.flush()
    await session.execute(insert(Price), [{"price_book_id": number, **asdict(row)} for row in draft.rows])
    return number


def _now() -> int:
    return time.time_ns() // 1000
