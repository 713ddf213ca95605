"""What has become of each record's key, by the key store's files as `docs/data.md` describes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sayso.cli.proof.looking import Exhibit
from sayso.db.session import Database
from sayso.jobs.data_receipts import all_receipts

_FIRST_SLOT, _SLOT = 128, 64


@dataclass(frozen=True, slots=True)
class Fate:
    """A record, where its key was and what is there now, and the receipt that names it (0: none)."""

    record_id: str
    key_file: str
    key_slot: int
    now: Literal["file removed", "overwritten", "still there"]
    receipt: int
    receipt_hash: str

    @property
    def destroyed(self) -> bool:
        """Whether the key is gone and a receipt says so."""
        return self.now != "still there" and self.receipt > 0


async def fates(db: Database, keys: Path, exhibits: Sequence[Exhibit]) -> tuple[Fate, ...]:
    """Look at the slot of each key, and at the receipts; `keys` is the key store's folder."""
    receipts = {record.id: one for one in await all_receipts(db) for record in one.records}
    found = []
    for evidence in (one.evidence for one in exhibits):
        receipt = receipts.get(evidence.record_id)
        file, slot = evidence.location.file, evidence.location.slot
        number, digest = (receipt.number, receipt.hash) if receipt else (0, "")
        found.append(Fate(evidence.record_id, file, slot, _now(keys, file, slot), number, digest))
    return tuple(found)


def _now(keys: Path, file: str, slot: int) -> Literal["file removed", "overwritten", "still there"]:
    try:
        content = (keys / f"{file}.keys").read_bytes()
    except FileNotFoundError:
        return "file removed"
    held = content[_FIRST_SLOT + slot * _SLOT :][:_SLOT]
    return "still there" if held.strip(b"\0") else "overwritten"
