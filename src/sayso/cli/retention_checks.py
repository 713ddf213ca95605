"""Whether the data promise is kept: the database overwrites what it deletes, and something sweeps."""

from collections.abc import Callable

from sqlalchemy import text

from sayso.app.retention import open_retention
from sayso.app.tenancy import open_tenancy
from sayso.cli.finding import Finding
from sayso.cli.retained import moment
from sayso.config import Settings
from sayso.db.session import Database
from sayso.errors import ConfigurationError, StorageUnavailable
from sayso.retention.clock import wall_clock
from sayso.retention.standing import last_sweep, overdue

HOUR = 3_600_000_000  # microseconds
SILENCE = 2 * HOUR  # a sweep that finds nothing to do is written down once an hour


async def retention_findings(
    settings: Settings, *, server_runs: bool, clock: Callable[[], int] = wall_clock
) -> list[Finding]:
    """Open database and key store, and look."""
    try:
        tenancy = await open_tenancy(settings)
        async with tenancy.database as database:
            await (await open_retention(settings, database)).close()
            return [_promise(settings), *await _looked(database, clock(), server_runs=server_runs)]
    except (ConfigurationError, StorageUnavailable) as error:
        return [Finding("retention", "bad", error.message)]


def _promise(settings: Settings) -> Finding:
    days = f"content is kept {settings.retention_days} days at most" if settings.retention_days else "none"
    return Finding("retention", "ok", f"{days}; keys in {settings.retention_keys_dir}")


async def _looked(database: Database, now: int, *, server_runs: bool) -> list[Finding]:
    async with database.read() as session:
        swept = await last_sweep(session)
        late = await overdue(session, now - HOUR)
        found = [_sweeps(swept.finished_at if swept else None, now, late, server_runs=server_runs)]
        if database.kind == "sqlite":
            erases = (await session.execute(text("PRAGMA secure_delete"))).scalar_one()
            detail = "what is deleted is overwritten" if erases == 1 else "SQLite's secure_delete is off"
            found.append(Finding("deletion", "ok" if erases == 1 else "bad", detail))
    return found


def _sweeps(last: int | None, now: int, late: int, *, server_runs: bool) -> Finding:
    when = f"the last was written down at {moment(last)} UTC" if last else "none yet"
    if late:
        advice = "its log says why" if server_runs else "start a server, or run `sayso retention sweep`"
        return Finding("sweep", "bad", f"{late:,} records are overdue by an hour; {when}; {advice}")
    if server_runs and last is not None and now - last > SILENCE:
        return Finding("sweep", "bad", f"the server does not sweep: {when}; its log says why")
    return Finding("sweep", "ok", when)
