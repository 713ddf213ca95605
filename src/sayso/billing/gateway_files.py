"""What each gateway keeps in the data folder, and what gateways that are gone have left there.

`settlements-ID-N` and `unsent-ID-N`: N is for each gateway that shares the folder, which locks the first for
as long as it lives; ID is the database's own, so that what is left is settled nowhere else.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Self

from sayso.billing.late_settlement import LateSettlement
from sayso.billing.unsent_answers import SLOT, UnsentAnswers
from sayso.db.record_file import RecordFile
from sayso.telemetry.logging import EventLogger

# Reserved on the disk: about 7,000 settlements, more than the requests that can be under way.
ROOM = 4_194_304

log = EventLogger("settlements")


@dataclass(frozen=True, slots=True)
class Remains:
    """What gateways that are gone have left: settlements to make, and answers that never left."""

    settlements: tuple[LateSettlement, ...]
    unsent: frozenset[str]

    @classmethod
    def of(cls, settlements: list[LateSettlement], unsent: frozenset[str]) -> Self:
        """Return both; a whole answer that never left has failed, so its settlement charges nothing."""
        return cls(tuple(_as_it_ended(one, unsent) for one in settlements), unsent)


def _as_it_ended(settlement: LateSettlement, unsent: frozenset[str]) -> LateSettlement:
    lost = settlement.hold.request_id in unsent and settlement.outcome == "completed"
    return replace(settlement, outcome="failed") if lost else settlement


class GatewayFiles:
    """The files of one gateway. All methods wait for the disk."""

    def __init__(self, path: Path, stem: str, settlements: RecordFile) -> None:
        self._path = path
        self._stem = stem
        self.settlements = settlements
        self.unsent = _listed(path)

    @classmethod
    def take(cls, folder: Path, database_id: int) -> Self:
        """Take the first files that no other process has. Raises `OSError`."""
        stem = f"settlements-{database_id:x}"
        for number in count(1):
            path = folder / f"{stem}-{number}"
            with suppress(BlockingIOError):
                return cls(path, stem, RecordFile.open(path, room=ROOM))
        raise AssertionError

    def found(self) -> Remains:
        """Return what was in these files when they were taken."""
        return Remains.of(_read(self.settlements, self._path), self.unsent.found)

    def take_over(self) -> Remains:
        """Move what gateways that are gone have left into these files; those that run have their locks."""
        settlements: tuple[LateSettlement, ...] = ()
        unsent: frozenset[str] = frozenset()
        for path in sorted(self._path.parent.glob(f"{self._stem}-*")):
            if path != self._path:
                with suppress(OSError):
                    if _holds_anything(path):
                        moved = self._moved(path)
                        settlements += moved.settlements
                        unsent |= moved.unsent
        return Remains(settlements, unsent)

    def close(self) -> None:
        """Let go of the files; another process may take them."""
        self.unsent.close()
        self.settlements.close()

    def _moved(self, path: Path) -> Remains:
        """Move what is in another gateway's files, unless it runs. Raises `OSError`."""
        file = RecordFile.open(path, room=0)
        try:
            other = UnsentAnswers.open(_beside(path)) if _beside(path).exists() else None
            unsent = other.found if other else frozenset[str]()
            found = _read(file, path)
            # What is unsent comes first and goes last: without it a settlement would charge for nothing.
            for request_id in unsent:
                self.unsent.add(request_id)
            for settlement in found:
                self.settlements.append(settlement.encode())
            if file.size:
                file.clear(file.size)
            if other:
                other.keep_only(frozenset())
                other.close()
        finally:
            file.close()
        return Remains.of(found, unsent)


def _beside(path: Path) -> Path:
    """Return the list of unsent answers beside a file of settlements."""
    return path.with_name(path.name.replace("settlements", "unsent", 1))


def _listed(path: Path) -> UnsentAnswers:
    """Open the list of unsent answers; a gateway works without its file."""
    try:
        return UnsentAnswers.open(_beside(path))
    except OSError as error:
        log.warning("unsent_answers_not_listed", path=str(_beside(path)), error=error)
        return UnsentAnswers.forgetful()


def _holds_anything(path: Path) -> bool:
    """Tell, without the lock, whether it is worth taking. Raises `OSError`."""
    with path.open("rb") as settlements:
        if settlements.read(1).strip(b"\0"):
            return True
    beside = _beside(path)
    return beside.exists() and any(beside.read_bytes()[::SLOT])


def _read(file: RecordFile, path: Path) -> list[LateSettlement]:
    found, damaged = [], file.damaged
    for record in file.records:
        try:
            found.append(LateSettlement.decode(record))
        except ValueError:
            damaged += 1
    if damaged:
        log.error("settlements_damaged", path=str(path), count=damaged)
    return found
