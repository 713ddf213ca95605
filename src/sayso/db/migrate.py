"""Bring a database to the schema of this code."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DatabaseError

from sayso.db.session import Database
from sayso.errors import ConfigurationError, StorageUnavailable

MIGRATIONS = Path(__file__).parent / "migrations"


async def migrate(database: Database, revision: str = "head") -> None:
    """Apply what is missing up to `revision`, all or nothing; a database that is up to date is left alone.

    Processes that start at once take turns. Raises `ConfigurationError` for a database that newer code has
    migrated, that can not be reached or written, and for a file that is no database.
    """
    try:
        async with database.transaction(unhurried=True) as session:
            connection = await session.connection()
            await connection.run_sync(_upgrade, revision)
    except StorageUnavailable as error:
        raise ConfigurationError(
            f"setting 'database_url': the database can not be used: {database.reason(error)}"
        ) from None
    except DatabaseError as error:
        if "not a database" in str(error.orig):
            raise ConfigurationError("setting 'database_url': the file is not a database") from None
        if "invalid connection option" in str(error.orig):
            raise ConfigurationError(f"setting 'database_url': {error.orig}") from None
        raise


def latest() -> str:
    """Return the newest revision that this code knows: the files of migrations are named by their order."""
    return max(path.name for path in (MIGRATIONS / "versions").glob("[0-9]*.py")).partition("_")[0]


def _upgrade(connection: Connection, revision: str) -> None:
    if _revisions(connection) == {latest()}:
        return
    from alembic import command  # most starts do without
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    present = set(MigrationContext.configure(connection).get_current_heads())
    if present - known:
        raise ConfigurationError(
            f"the database is of a newer version of sayso (revision {min(present - known)}): upgrade sayso"
        )
    if present != set(scripts.get_heads()):
        command.upgrade(config, revision)


def _revisions(connection: Connection) -> set[str]:
    if not inspect(connection).has_table("alembic_version"):
        return set()
    return set(connection.scalars(text("SELECT version_num FROM alembic_version")))
