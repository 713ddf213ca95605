"""What models are called, as the settings and the database say it."""

from sayso.app.prices import is_there
from sayso.catalog.catalogue import Catalogue, wall_clock
from sayso.catalog.name_store import load_names
from sayso.catalog.recording import changes, record_settings
from sayso.config import Settings
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.errors import IntegrityError
from sayso.telemetry.logging import EventLogger
from sayso.tenancy.audit import record
from sayso.tenancy.service import default_project

log = EventLogger("models")


async def follow_names(settings: Settings, catalogue: Catalogue, db: Database) -> None:
    """Write down what the settings say of aliases, and have the catalogue go by what the database says.

    Raises `ConfigurationError` where the settings would move an alias that bears a date.
    """
    await _record(settings, catalogue, db)
    async with db.read() as session:
        catalogue.follow(await load_names(session))


async def catalogue_in_force(settings: Settings) -> Catalogue:
    """Return the catalogue with the names in force; the settings' where there is no database yet."""
    if not is_there(settings.database_url):
        return Catalogue.of(settings)
    async with Database.open(settings.database_url) as db:
        await migrate(db)
        return await named_catalogue(settings, db)


async def named_catalogue(settings: Settings, db: Database) -> Catalogue:
    """Return the catalogue with the names that the database has in force."""
    catalogue = Catalogue.of(settings)
    async with db.read() as session:
        catalogue.follow(await load_names(session))
    return catalogue


def check_pins(catalogue: Catalogue) -> None:
    """Raise `IntegrityError` where a snapshot is not what a project pinned under its name."""
    snapshots = {snapshot.id: snapshot for snapshot in catalogue.snapshots}
    for pin in catalogue.names.pins.values():
        here = snapshots.get(pin.snapshot)
        if here is not None and here.files and here.digest != pin.digest:
            raise IntegrityError(
                f"project '{pin.project_id}' has pinned '{pin.snapshot}' with the digest {pin.digest[:12]}, "
                f"and what is here has {here.digest[:12]}: put it back, or give the new one another name"
            )


async def _record(settings: Settings, catalogue: Catalogue, db: Database) -> None:
    known = {snapshot.id for snapshot in catalogue.snapshots}
    async with db.read() as session:
        versions = (await load_names(session)).versions
    wanted, overruled = changes(catalogue.initial, settings.aliases, known, versions, wall_clock())
    for alias in overruled:
        log.warning("alias_of_the_settings_overruled", model=alias, reason="it was moved since")
    if not wanted:
        return
    by = (await default_project(db)).operator
    async with db.transaction() as session:
        recorded = await record_settings(session, catalogue.initial, settings.aliases, known, wall_clock())
        for version in recorded.moved:
            details = {"snapshot": version.snapshot, "previous": version.previous, "by": "settings"}
            await record(
                session, by, "model_alias.moved", version.alias[:64], {"alias": version.alias, **details}
            )
