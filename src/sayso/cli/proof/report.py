"""The report of a proof: what was put where, what was found when, and what follows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from sayso.cli.proof.fates import Fate
from sayso.cli.proof.looking import Sight
from sayso.cli.proof.places import Searched

SIZES = f"{'files':>7}{'bytes':>15}"


@dataclass(frozen=True, slots=True)
class Line:
    """One canary. A sight is None where it had no record."""

    organization: str
    route: str
    status: int
    expected_status: int
    expected_record: bool
    record_id: str
    holds_canary: bool
    before: Sight | None
    not_yet: Sight | None
    unswept: Sight | None
    after: Sight | None


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that the proof rests on, and whether it was so."""

    name: str
    ok: bool
    found: str


@dataclass(frozen=True, slots=True)
class Report:
    """All of it. Moments are Unix microseconds; `sweep_clock` is what the sweep was told that it is."""

    versions: dict[str, str]
    database: str
    started_at: int
    finished_at: int
    sweep_clock: int
    searched: Sequence[str]
    compressions: Sequence[str]
    encodings: Sequence[str]
    while_running: Sequence[Searched] = field(default_factory=tuple)
    at_the_end: Sequence[Searched] = field(default_factory=tuple)
    lines: Sequence[Line] = field(default_factory=tuple)
    fates: Sequence[Fate] = field(default_factory=tuple)
    checks: Sequence[Check] = field(default_factory=tuple)
    limits: Sequence[str] = field(default_factory=tuple)

    @property
    def ok(self) -> bool:
        """Whether everything was as promised."""
        return all(check.ok for check in self.checks)


def as_document(report: Report) -> dict[str, Any]:
    """Return the report as JSON values."""
    return {"object": "retention.proof", "ok": report.ok, **asdict(report)}


def as_text(report: Report) -> str:
    """Return the report for people, for a wide page."""
    lines = [
        f"PROOF OF RETENTION: {'everything is as promised' if report.ok else 'NOT AS PROMISED'}",
        "",
        f"made           {_moment(report.started_at)} to {_moment(report.finished_at)} UTC",
        f"swept as of    {_moment(report.sweep_clock)} UTC",
        f"database       {report.database}",
        f"versions       {', '.join(f'{name} {version}' for name, version in report.versions.items())}",
        f"looked for in  {', '.join(report.encodings)}",
        f"unpacked       {', '.join(report.compressions)}",
        *(f"searched       {path}" for path in report.searched),
        "",
        "WHAT WAS PLANTED, AND WHAT COULD BE READ OF IT",
        "",
        "Each line is a request with a text, or a recording, of its own. The clock is that of the server.",
        "  readable       the server shows it, and the files hold the key that opens it",
        "  with its key   the server hides it; whoever has the files opens it with the key among them",
        "  ciphertext     no key is left; ciphertext is",
        "  gone           neither key nor ciphertext is left",
        "  not kept       there never was a record",
        "",
        f"{'organization':16}{'request':32}{'status':>6}  {'at once':14}{'29 d 23 h':14}"
        f"{'30 d 1 h,':14}{'30 d 1 h,':14}",
        f"{'':84}{'not swept':14}{'swept':14}".rstrip(),
        *(_line(one) for one in report.lines),
        "",
        "WHERE IT LAY: RECORDS WHOSE KEY, OR SOME OF WHOSE CIPHERTEXT, WAS FOUND THERE",
        "",
        f"{'':32}{'while the server ran':>22}{'at the end':>22}",
        f"{'place':32}{SIZES}{SIZES}   {'before the sweep':24}after the sweep",
        *_places(report),
        "",
        "WHAT BECAME OF THE KEYS",
        "",
        f"{'record':40}{'key file, slot':54}{'now':14}receipt",
        *(_fate(one) for one in report.fates),
        "",
        "WHAT FOLLOWS",
        "",
        *(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.found}" for check in report.checks),
        "",
        "WHAT THIS DOES NOT SHOW",
        "",
        *(f"- {limit}" for limit in report.limits),
    ]
    return "\n".join(lines)


def _line(one: Line) -> str:
    sights = "".join(f"{_seen(sight):14}" for sight in (one.before, one.not_yet, one.unswept, one.after))
    return f"{one.organization:16}{one.route:32}{one.status:>6}  {sights}".rstrip()


def _seen(sight: Sight | None) -> str:
    if sight is None:
        return "not kept"
    if sight.shown:
        return "readable"
    if sight.readable:
        return "with its key"
    return "ciphertext" if sight.ciphertext else "gone"


def _places(report: Report) -> Iterator[str]:
    running = {one.place: one for one in report.while_running}
    ended = {one.place: one for one in report.at_the_end}
    for place in {**running, **ended}:
        sizes = "".join(f"{one.files:>7,}{one.bytes:>15,}" for one in _both(place, running, ended))
        before = _found_in(place, [line.unswept for line in report.lines])
        after = _found_in(place, [line.after for line in report.lines])
        yield f"{place:32}{sizes}   {before:24}{after}"


def _both(place: str, *found: Mapping[str, Searched]) -> list[Searched]:
    return [one.get(place, Searched(place, 0, 0)) for one in found]


def _found_in(place: str, sights: Sequence[Sight | None]) -> str:
    keys = sum(1 for sight in sights if sight and place in sight.key_in)
    ciphertext = sum(1 for sight in sights if sight and place in sight.ciphertext_in)
    found = (f"{count} {what}" for count, what in ((keys, "keys"), (ciphertext, "ciphertexts")) if count)
    return ", ".join(found) or "-"


def _fate(one: Fate) -> str:
    receipt = f"{one.receipt} {one.receipt_hash[:12]}…" if one.receipt else "NONE"
    return f"{one.record_id:40}{f'{one.key_file}, {one.key_slot}':54}{one.now:14}{receipt}"


def _moment(microseconds: int) -> str:
    return f"{datetime.fromtimestamp(microseconds / 1_000_000, UTC):%Y-%m-%d %H:%M:%S}"
