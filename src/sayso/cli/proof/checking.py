"""What has to be so for the proof to stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sayso.billing.verify import Verification
from sayso.cli.proof.fates import Fate
from sayso.cli.proof.looking import Exhibit, Sight
from sayso.cli.proof.planting import CHANGED, STORED, Planted
from sayso.cli.proof.report import Check
from sayso.jobs.data_receipts import ReceiptsCheck
from sayso.retention.residue.scan import Hit


@dataclass(frozen=True, slots=True)
class Examination:
    """Everything that was seen; sights by record id, `hits` are canaries in the clear at the end.

    `unswept` is the same moment as `after`, and the same search, but before the sweep.
    """

    planted: Sequence[Planted]
    exhibits: Sequence[Exhibit]
    before: Mapping[str, Sight]
    not_yet: Mapping[str, Sight]
    unswept: Mapping[str, Sight]
    after: Mapping[str, Sight]
    first_records: int
    zero_records: int
    left: int
    destroyed: int
    receipts: ReceiptsCheck
    fates: Sequence[Fate]
    hits: Sequence[Hit]
    books: Verification

    def is_kept(self, one: Planted) -> bool:
        """Return whether a record is to be expected: a request of the default organization was served."""
        return one.subject.keeps and one.expected_status == 200

    @property
    def kept(self) -> list[str]:
        """The records that are expected."""
        return [one.record_id for one in self.planted if self.is_kept(one)]


def control_check(encodings: Sequence[str], unseen: Sequence[str]) -> Check:
    """Tell whether the search works."""
    found = f"{len(encodings) - len(unseen)} of {len(encodings)} encodings"
    missed = f", not {', '.join(unseen)}" if unseen else ""
    return Check(
        "control: the search finds a canary in a file, in every encoding", not unseen, found + missed
    )


def planting_checks(
    planted: Sequence[Planted], listed: Sequence[Sequence[str]], during: Sequence[Hit]
) -> tuple[Check, ...]:
    """Tell whether the server answered, stored what it may, and wrote nothing in the clear while it ran.

    `listed` are the stored completions that it lists, for the default organization and the other.
    """
    kept = [one for one in planted if one.subject.keeps]
    stored = [one.record_id for one in kept if one.route in (STORED, CHANGED)]
    wrong = [one for one in planted if not one.answered]
    named = "".join(f"; {one.canary.name}: {one.status}" for one in wrong)
    return (
        Check(
            "every request was answered as it should be",
            not wrong,
            f"{len(planted) - len(wrong)} of {len(planted)}{named}",
        ),
        Check(
            "what was asked to be stored is listed, and nothing under zero retention",
            [list(ids) for ids in listed] == [stored, []],
            f"{len(listed[0])} and {len(listed[1])}",
        ),
        Check(
            "while the server ran, nothing lay in the clear in its folders or in a file that it had open",
            not during,
            _found(during),
        ),
    )


def log_check(hits: Sequence[Hit], size: int) -> Check:
    """Tell whether the log kept silent, at its most talkative."""
    found = f"{_found(hits)} in {size:,} bytes of log at level debug"
    return Check("no canary is in the log", not hits and size > 0, found)


def examined(found: Examination, database: str) -> tuple[Check, ...]:
    """Tell what the examination showed."""
    kept, total = found.kept, len(found.kept)
    opened = {one.evidence.record_id for one in found.exhibits if one.holds_canary}
    could = [one for one in kept if one in opened and found.before[one].opened]
    shown = [one for one in kept if one in found.not_yet and found.not_yet[one].readable]
    unswept = [one for one in kept if one in found.unswept and found.unswept[one].opened]
    hidden = [one for one in unswept if not found.unswept[one].shown]
    readable = [one for one, sight in found.after.items() if sight.readable]
    return (
        Check(
            "control: before the sweep, everything that is kept can be read by what lies here",
            bool(kept) and len(could) == total,
            f"{len(could)} of {total} records",
        ),
        Check(
            "under zero retention nothing was written",
            found.zero_records == 0,
            f"{found.zero_records} records",
        ),
        Check(
            "refused requests left nothing",
            found.first_records == total,
            f"{found.first_records} records of {total} requests that were served",
        ),
        Check(
            "at 29 days and 23 hours nothing was gone",
            len(shown) == total,
            f"{len(shown)} of {total} records",
        ),
        Check(
            "control: at 30 days and an hour, unswept, the same search opens every record",
            bool(kept) and len(unswept) == total,
            f"{len(unswept)} of {total} records",
        ),
        Check(
            "what has expired is hidden by the server, swept or not",
            len(hidden) == total,
            f"{len(hidden)} of {total} records",
        ),
        Check(
            "at 30 days and an hour nothing can be read, not with all files and a copy of the old ciphertext",
            bool(found.after) and not readable,
            f"{len(readable)} of {len(found.after)} records",
        ),
        _ciphertext(found, database),
        *_remains(found),
    )


def _ciphertext(found: Examination, database: str) -> Check:
    left = sum(1 for sight in found.after.values() if sight.ciphertext)
    if database == "postgresql":
        name = "PostgreSQL may keep ciphertext for which there is no key"
        return Check(name, True, f"{left} of {len(found.after)} records")
    return Check("no ciphertext is left", not left, f"{left} of {len(found.after)} records")


def _remains(found: Examination) -> tuple[Check, ...]:
    total, receipts, books = len(found.kept), found.receipts, found.books
    return (
        Check(
            "every record was destroyed, and no other",
            found.left == 0 and found.destroyed == total,
            f"{found.destroyed} of {total} destroyed, {found.left} left",
        ),
        Check(
            "every key is overwritten, and a receipt names it",
            len(found.fates) == total and all(one.destroyed for one in found.fates),
            f"{sum(one.destroyed for one in found.fates)} of {total} keys",
        ),
        Check("nothing lies in the clear in any file", not found.hits, _found(found.hits)),
        Check(
            "the deletion receipts hold",
            not receipts.fault and receipts.records == total,
            receipts.fault or f"{receipts.receipts} receipts of {receipts.records} records",
        ),
        Check(
            "usage and charges are still there, and agree",
            books.divergence is None and books.usage_events >= total,
            f"{books.usage_events} usage events",
        ),
    )


def _found(hits: Sequence[Hit]) -> str:
    where = "".join(f"; {hit.name} as {hit.encoding} in {hit.path.name}" for hit in hits[:5])
    return f"{len(hits)} finds{where}"
