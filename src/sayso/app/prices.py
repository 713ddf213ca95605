"""The prices in force, wherever they are to be found."""

import time
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from sayso.billing.price_book import in_force, launch_prices, load_books
from sayso.billing.pricing import PriceBookVersion
from sayso.config import Settings
from sayso.db.migrate import migrate
from sayso.db.session import Database


async def prices_in_force(settings: Settings) -> PriceBookVersion:
    """Return the published version in force now; the launch's where there is no database yet.

    Raises `ConfigurationError` and `StorageUnavailable`.
    """
    if is_there(settings.database_url):
        async with Database.open(settings.database_url) as database:
            await migrate(database)
            async with database.read() as session:
                books = await (await session.connection()).run_sync(load_books)
        if books:
            return in_force(books, time.time_ns() // 1_000)
    launch = launch_prices()
    return PriceBookVersion(0, launch.version, 0, launch.rows)


def is_there(url: str) -> bool:
    """Tell whether there can be anything at `url`: of a file only, whether it exists."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return True  # opening it says what is wrong
    return (
        not parsed.drivername.startswith("sqlite") or not parsed.database or Path(parsed.database).is_file()
    )
