"""What an auditor looks for: canaries in files, and records that the files still let somebody read."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select, text

from sayso.cli.proof.places import Premises
from sayso.cli.proof.planting import Planted
from sayso.db.session import Database
from sayso.errors import ObjectNotFound
from sayso.ids import OrgId, ProjectId
from sayso.retention.key_store import KeyStore
from sayso.retention.reading import RetentionReader
from sayso.retention.residue.evidence import Evidence, gather, judge
from sayso.retention.residue.needles import Needle
from sayso.retention.residue.scan import Hit, open_files, scan
from sayso.retention.tables import RetainedRecord


@dataclass(frozen=True, slots=True)
class Sight:
    """A record as it is found at one moment. `shown`: the server would show it.

    `opened`: the files hold a key that opens the ciphertext of before the sweep. `key`: its key lies in a
    file, bare or wrapped. `ciphertext`: so does some of its ciphertext. The last two name the places.
    """

    shown: bool
    opened: bool
    key: bool
    ciphertext: bool
    key_in: tuple[str, ...] = ()
    ciphertext_in: tuple[str, ...] = ()

    @property
    def readable(self) -> bool:
        """Whether anybody who has the files can read it."""
        return self.shown or self.opened or self.key


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A record of a canary, with what was written down about it while it could be read."""

    planted: Planted
    evidence: Evidence
    organization_id: OrgId
    project_id: ProjectId
    holds_canary: bool


async def gather_exhibits(db: Database, keys: KeyStore, planted: Sequence[Planted]) -> list[Exhibit]:
    """Write down what there is about every canary that was kept; those that were not are left out."""
    found = []
    for one in planted:
        if not one.record_id:
            continue
        try:
            evidence = await gather(db, keys, one.record_id, ())
        except ObjectNotFound:
            continue
        row = evidence.sealed.row
        opened = (await RetentionReader(db, keys).open([evidence.sealed]))[0]
        whole = b"".join(opened.parts.values())
        holds = any(needle.pattern in whole for needle in one.canary.needles)
        found.append(Exhibit(one, evidence, OrgId(row.organization_id), ProjectId(row.project_id), holds))
    return found


async def look(exhibit: Exhibit, reader: RetentionReader, premises: Premises) -> Sight:
    """Look at one record, in the files and as the server would be asked."""
    judged = await asyncio.to_thread(judge, exhibit.evidence, premises.paths, ())
    try:
        await reader.get(exhibit.organization_id, exhibit.project_id, exhibit.evidence.record_id)
        shown = True
    except ObjectNotFound:
        shown = False
    keys, ciphertext = (
        premises.places_of(hit.path for hit in hits) for hits in (judged.keys, judged.ciphertext)
    )
    return Sight(shown, judged.opened, bool(keys), bool(ciphertext), keys, ciphertext)


async def count_records(db: Database, organization_id: OrgId) -> int:
    """Return how many records there are of an organization, whole or not."""
    query = select(func.count()).select_from(RetainedRecord)
    async with db.read() as session:
        found = await session.scalar(query.where(RetainedRecord.organization_id == organization_id))
    return found or 0


async def settle(db: Database) -> None:
    """Have a PostgreSQL server write out what it has in memory; not every account may."""
    if db.kind == "postgresql":
        async with db.transaction() as session:
            await session.execute(text("CHECKPOINT"))


async def find_text(files: Sequence[Path], planted: Sequence[Planted], pid: int | None = None) -> list[Hit]:
    """Search files, and those that a process and its children have open, for every canary in the clear."""
    needles: list[Needle] = [needle for one in planted for needle in one.canary.needles]
    opened = [file for one in _family(pid) for file in open_files(one)] if pid else []
    return await asyncio.to_thread(scan, [*files, *opened], needles)


def _family(pid: int) -> list[int]:
    """Return a process and all below it (Linux); itself alone elsewhere."""
    found = [pid]
    for one in found:
        for listed in Path(f"/proc/{one}/task").glob("*/children"):
            found += [int(child) for child in listed.read_text("ascii").split()]
    return found
