"""Opens the database with the secret that its keys are checked with."""

from dataclasses import dataclass

from sayso.billing.price_book import ensure_launch_prices
from sayso.config import Settings
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.tenancy.pepper import open_pepper
from sayso.tenancy.service import FirstTenant, ensure_first_tenant


@dataclass(frozen=True, slots=True)
class Tenancy:
    """The database with the secret that its keys are checked with; `first` is what a first start made."""

    database: Database
    pepper: bytes
    first: FirstTenant | None


async def open_tenancy(settings: Settings, *, with_first_tenant: bool = False) -> Tenancy:
    """Open the database and bring it up to date.

    `with_first_tenant` makes an organization, a project and a key in an empty one.
    """
    database = Database.open(settings.database_url)
    await migrate(database)
    await ensure_launch_prices(database)
    pepper = await open_pepper(database, settings.data_dir)
    first = await ensure_first_tenant(database, pepper) if with_first_tenant else None
    return Tenancy(database, pepper, first)
