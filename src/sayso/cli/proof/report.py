"""The report of a proof: what was put where, what was found when, and what follows."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from sayso.cli.proof.looking import Sight


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
    lines: Sequence[Line] = field(default_factory=tuple)
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
    """Return the report for people, in lines of at most 118 characters but for paths."""
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
        f"{'organization':16}{'request':32}{'status':>6}  {'before':14}{'29 d 23 h':14}{'30 d 1 h':14}record",
        *(_line(one) for one in report.lines),
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
    sights = "".join(f"{_seen(sight):14}" for sight in (one.before, one.not_yet, one.after))
    return (
        f"{one.organization:16}{one.route:32}{one.status:>6}  {sights}{one.record_id if one.before else '-'}"
    )


def _seen(sight: Sight | None) -> str:
    if sight is None:
        return "not kept"
    if sight.readable:
        return "readable"
    return "ciphertext" if sight.ciphertext else "gone"


def _moment(microseconds: int) -> str:
    return f"{datetime.fromtimestamp(microseconds / 1_000_000, UTC):%Y-%m-%d %H:%M:%S}"
