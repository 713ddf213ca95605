"""What somebody may ask for: the pieces of a new instance and of a change, and whether they can be."""

import re
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sayso.catalog.snapshot import Snapshot
from sayso.dedicated.configuration import Configuration, Share
from sayso.dedicated.load import LoadChanges, LoadSettings, check_load
from sayso.dedicated.plan import OnDemand, Plan, Reserved
from sayso.errors import InvalidRequest
from sayso.ids import ProjectId

MAX_MONTHS = 36
MAX_DRAIN_SECONDS = 300
DRAIN_SECONDS = 30  # where nobody says how long
MAX_CORES = 1_024
MAX_MEMORY_MIB = 16_777_216
MAX_GPUS = 64
MAX_VRAM_MIB = 16_777_216

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class NewInstance:
    """A wish for an instance of a project; `model` is a snapshot or an alias, which is followed once.

    `context_length` 0 is the model's own, `months` 0 is on demand.
    """

    project_id: ProjectId
    name: str
    model: str
    share: Share
    load: LoadSettings
    context_length: int = 0
    months: int = 0


@dataclass(frozen=True, slots=True)
class Changes:
    """What is named of a configuration, to be different; None stays as it is then.

    It is put together with what the instance runs where the change is written, so that of two changes at
    once neither undoes the other.
    """

    model: str | None = None
    cores: int | None = None
    memory_mib: int | None = None
    gpus: int | None = None
    vram_mib: int | None = None
    context_length: int | None = None
    load: LoadChanges = field(default_factory=LoadChanges)


def configuration(snapshot: Snapshot, share: Share, context_length: int, load: LoadSettings) -> Configuration:
    """Return a configuration that can be. Raises `InvalidRequest`, which names the field."""
    _check("cores", share.cores, 0 if share.gpus else 1, MAX_CORES)
    _check("memory_mib", share.memory_mib, 1, MAX_MEMORY_MIB)
    _check("gpus", share.gpus, 0, MAX_GPUS)
    _check("vram_mib", share.vram_mib, 1 if share.gpus else 0, MAX_VRAM_MIB if share.gpus else 0)
    longest = snapshot.context_length
    length = context_length or longest
    if length < 0 or (longest and length > longest):
        raise InvalidRequest(
            f"The context of '{snapshot.id}' is at most {longest} tokens long.",
            param="context_length",
            code="invalid_value",
        )
    return Configuration(snapshot.id, share, length, check_load(load))


def changed(before: Configuration, changes: Changes, snapshot: Snapshot) -> Configuration:
    """Return `before` with `changes`; `snapshot` is what it will run. Raises `InvalidRequest`."""
    length = changes.context_length
    if length is None:
        # Another model has another window: what was not asked for anew is its own.
        length = before.context_length if snapshot.id == before.snapshot else 0
    share = before.share.changed(changes.cores, changes.memory_mib, changes.gpus, changes.vram_mib)
    return configuration(snapshot, share, length, changes.load.over(before.load))


def check_instance_name(name: str) -> str:
    """Return `name`. Raises `InvalidRequest`."""
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            "A name has 1 to 64 letters, digits, dots, dashes and underscores.",
            param="name",
            code="invalid_value",
        )
    return name


def check_drain(seconds: int) -> int:
    """Return `seconds`. Raises `InvalidRequest` for more than five minutes."""
    return _check("drain_seconds", seconds, 0, MAX_DRAIN_SECONDS)


def plan(months: int, start: int) -> Plan:
    """Return the plan for a term of so many calendar months from the Unix second `start`; 0 is on demand.

    Raises `InvalidRequest`.
    """
    if _check("term_months", months, 0, MAX_MONTHS) == 0:
        return OnDemand()
    begin = datetime.fromtimestamp(start, UTC)
    year, month = divmod(begin.month - 1 + months, 12)
    day = min(begin.day, monthrange(begin.year + year, month + 1)[1])
    end = begin.replace(year=begin.year + year, month=month + 1, day=day)
    return Reserved(start, int(end.timestamp()), months)


def _check(name: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise InvalidRequest(f"'{name}' is a number from {low} to {high}.", param=name, code="invalid_value")
    return value
