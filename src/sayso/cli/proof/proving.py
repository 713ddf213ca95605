"""The proof itself, step by step."""

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import cryptography
from sqlalchemy import text

from sayso import __version__
from sayso.billing.verify import verify
from sayso.cli.proof.checking import Examination, control_check, examined, log_check, planting_checks
from sayso.cli.proof.control import blind_spots
from sayso.cli.proof.fates import fates
from sayso.cli.proof.looking import Exhibit, Sight, count_records, find_text, gather_exhibits, look, settle
from sayso.cli.proof.places import Premises, Searched
from sayso.cli.proof.planting import Planted, Planter
from sayso.cli.proof.report import Check, Line, Report
from sayso.cli.proof.server import ProofFolder, running
from sayso.cli.proof.tenants import make_subjects
from sayso.config import Settings
from sayso.db.session import Database
from sayso.jobs.data_receipts import check_receipts
from sayso.retention.clock import DAY, wall_clock
from sayso.retention.policy import DEFAULT_DAYS
from sayso.retention.residue.scan import compressions
from sayso.retention.service import Retention

HOUR = 3_600_000_000  # microseconds
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Terms:
    """How the proof is made. `more_files` are a database server's own, where it is not SQLite.

    With `sweep` False nothing is destroyed, and the proof has to fail.
    """

    root: Path
    database_url: str
    more_files: Sequence[Path] = ()
    audio_seconds: float = 60.0
    sweep: bool = True


async def prove(terms: Terms, tell: Tell) -> Report:
    """Plant, look, sweep, look again. Raises `ConfigurationError` where the server does not start."""
    started_at = wall_clock()
    settings = Settings(data_dir=terms.root / "data", database_url=terms.database_url)
    folder = ProofFolder(terms.root, settings)
    premises = Premises(terms.root, terms.more_files)
    encodings, unseen = blind_spots(terms.root)
    tell("Planting canaries through a server of its own.")
    planted, running_checks, while_running = await _plant(folder, premises, terms.audio_seconds)
    async with Database.open(settings.database_url) as db:
        found = await _examine(terms, db, settings, premises, planted, tell)
        versions = await _versions(db)
        kind = db.kind
    in_log = await find_text([folder.log], planted)
    return Report(
        versions,
        kind,
        started_at,
        wall_clock(),
        started_at + DEFAULT_DAYS * DAY + HOUR,
        tuple(map(str, premises.paths)),
        tuple(compressions()),
        encodings,
        while_running,
        premises.searched(),
        _lines(found),
        found.fates,
        (
            control_check(encodings, unseen),
            *running_checks,
            *examined(found, kind),
            log_check(in_log, folder.log.stat().st_size),
        ),
        _limits(kind, terms.more_files),
    )


async def _plant(
    folder: ProofFolder, premises: Premises, audio_seconds: float
) -> tuple[list[Planted], tuple[Check, ...], tuple[Searched, ...]]:
    """Plant everything; return it with what was seen, and where was looked, while the server ran."""
    subjects = await make_subjects(folder.settings)
    planted: list[Planted] = []
    async with running(folder) as server, aiohttp.ClientSession() as client:
        planters = [Planter(client, server.base_url, subject) for subject in subjects]
        for planter in planters:
            planted += await planter.plant(audio_seconds)
        listed = [await planter.listed() for planter in planters]
        during = await find_text(premises.paths, planted, server.pid)
        searched = premises.searched()
    return planted, planting_checks(planted, listed, during), searched


async def _examine(
    terms: Terms,
    db: Database,
    settings: Settings,
    premises: Premises,
    planted: Sequence[Planted],
    tell: Tell,
) -> Examination:
    """Look at once, at 29 days and 23 hours, and at 30 days and an hour before and after the sweep."""
    first, zero = planted[0].subject, planted[-1].subject
    tell("The server is stopped: what can be read of what lies there?")
    promise = await _open(db, settings, 0)
    exhibits = await gather_exhibits(db, promise.keys, planted)
    counts = [await count_records(db, one.organization_id) for one in (first, zero)]
    before = await _sights(db, exhibits, promise, premises)
    await promise.close()

    tell("The clock at 29 days and 23 hours: the sweep may destroy nothing.")
    promise = await _open(db, settings, DEFAULT_DAYS * DAY - HOUR)
    await promise.sweeper.sweep()
    not_yet = await _sights(db, exhibits, promise, premises)
    await promise.close()

    tell("The clock at 30 days and an hour: everything has to go.")
    promise = await _open(db, settings, DEFAULT_DAYS * DAY + HOUR)
    unswept = await _sights(db, exhibits, promise, premises)
    run = await promise.sweeper.sweep() if terms.sweep else None
    after = await _sights(db, exhibits, promise, premises)
    receipts = await check_receipts(db, promise.keys)
    destroyed = await fates(db, promise.keys.folder, exhibits)
    await promise.close()
    return Examination(
        planted,
        exhibits,
        before,
        not_yet,
        unswept,
        after,
        counts[0],
        counts[1],
        await count_records(db, first.organization_id),
        run.records if run else 0,
        receipts,
        destroyed,
        await find_text(premises.paths, planted),
        await verify(db),
    )


async def _open(db: Database, settings: Settings, later: int) -> Retention:
    """Open the promise as a process does whose clock is `later` microseconds ahead of now."""
    return await Retention.open(db, settings.retention_keys_dir, clock=lambda: wall_clock() + later)


async def _sights(
    db: Database, exhibits: Sequence[Exhibit], promise: Retention, premises: Premises
) -> dict[str, Sight]:
    """Look at every record; return what was seen by the record's id."""
    await settle(db)
    return {one.evidence.record_id: await look(one, promise.reader, premises) for one in exhibits}


def _lines(found: Examination) -> tuple[Line, ...]:
    holds = {one.evidence.record_id: one.holds_canary for one in found.exhibits}
    return tuple(
        Line(
            one.subject.name,
            one.route,
            one.status,
            one.expected_status,
            found.is_kept(one),
            one.record_id,
            holds.get(one.record_id, False),
            found.before.get(one.record_id),
            found.not_yet.get(one.record_id),
            found.unswept.get(one.record_id),
            found.after.get(one.record_id),
        )
        for one in found.planted
    )


async def _versions(db: Database) -> dict[str, str]:
    statement = "SELECT sqlite_version()" if db.kind == "sqlite" else "SHOW server_version"
    async with db.read() as session:
        version = (await session.execute(text(statement))).scalar_one()
    return {
        "sayso": __version__,
        "python": platform.python_version(),
        "cryptography": cryptography.__version__,
        db.kind: str(version),
        "system": f"{platform.system()} {platform.release()}",
    }


def _limits(kind: str, more_files: Sequence[Path]) -> tuple[str, ...]:
    """Return what this proof does not show."""
    found = [
        "The engines are scripted: memory of real engines, and of graphics processors, is not looked at.",
        "Only files are searched: swap, what a file system or a disk keeps of overwritten blocks, snapshots "
        "and backups of the key store are the operator's to see to.",
        "The clock that runs ahead is that of this process; the server had stopped by then.",
    ]
    if kind == "postgresql" and not more_files:
        found.append("The PostgreSQL server's own files were not searched: name them with --database-files.")
    return tuple(found)
