"""The load of an instance, which is its project's to choose: more of it, more throughput, slower answers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final, Literal, TypeAlias

from sayso.errors import InvalidRequest

Overflow: TypeAlias = Literal["reject", "queue", "spill"]
OVERFLOWS: tuple[Overflow, ...] = ("reject", "queue", "spill")
Preset: TypeAlias = Literal["latency", "balanced", "throughput"]

ENGINE_CONCURRENCY: Final = (
    16  # what an engine is started for at least, so that the gate can open that far live
)
MAX_CONCURRENCY: Final = 256
MAX_BATCH_TOKENS: Final = 65_536
MAX_QUEUE_DEPTH: Final = 10_000
MAX_WAIT_MS: Final = 600_000


@dataclass(frozen=True, slots=True)
class LoadSettings:
    """How much an instance takes on at once, and what becomes of the rest.

    `max_concurrency` requests run; `queue_depth` more may wait, each for at most `max_wait_ms`, where
    `overflow` is `queue`. Beyond that, and at once with another `overflow`, a request is rejected, or spills
    over to the shared pool at its price. `max_batch_tokens` is what the engine works on in one step.
    """

    max_concurrency: int
    max_batch_tokens: int
    queue_depth: int
    max_wait_ms: int
    overflow: Overflow


PRESETS: Final[Mapping[Preset, LoadSettings]] = {
    "latency": LoadSettings(2, 256, 4, 500, "reject"),
    "balanced": LoadSettings(8, 512, 32, 5_000, "queue"),
    "throughput": LoadSettings(16, 2_048, 256, 30_000, "queue"),
}


@dataclass(frozen=True, slots=True)
class LoadChanges:
    """What is named of a load: a preset to begin with, and numbers of one's own; None stays as it is."""

    preset: Preset | None = None
    max_concurrency: int | None = None
    max_batch_tokens: int | None = None
    queue_depth: int | None = None
    max_wait_ms: int | None = None
    overflow: Overflow | None = None

    def over(self, before: LoadSettings) -> LoadSettings:
        """Return the preset's load, or `before`, with what is named. Raises `InvalidRequest`."""
        named = {name: value for name, value in asdict(self).items() if value is not None}
        preset = named.pop("preset", None)
        if preset is not None and preset not in PRESETS:
            raise InvalidRequest(
                f"A preset is one of {', '.join(PRESETS)}.", param="load.preset", code="invalid_value"
            )
        base = before if preset is None else PRESETS[preset]
        return check_load(replace(base, **named))


DEFAULT_LOAD: Final = PRESETS["balanced"]


def engine_cap(load: LoadSettings) -> int:
    """Return how many requests at once an engine is started for; the gate before it may open that far."""
    return max(ENGINE_CONCURRENCY, load.max_concurrency)


def check_load(load: LoadSettings) -> LoadSettings:
    """Return `load` if it can be. Raises `InvalidRequest`, which names the field."""
    bounds = (
        ("max_concurrency", load.max_concurrency, 1, MAX_CONCURRENCY),
        ("max_batch_tokens", load.max_batch_tokens, 16, MAX_BATCH_TOKENS),
        ("queue_depth", load.queue_depth, 0, MAX_QUEUE_DEPTH),
        ("max_wait_ms", load.max_wait_ms, 0, MAX_WAIT_MS),
    )
    for name, value, low, high in bounds:
        if not low <= value <= high:
            raise InvalidRequest(
                f"'{name}' is a number from {low} to {high}.", param=f"load.{name}", code="invalid_value"
            )
    if load.overflow not in OVERFLOWS:
        raise InvalidRequest(
            f"'overflow' is one of {', '.join(OVERFLOWS)}.", param="load.overflow", code="invalid_value"
        )
    return load


def load_restart_needed(old: LoadSettings, new: LoadSettings, places: int = 0) -> bool:
    """Tell whether an engine that was started for `old` must be started again for `new`.

    Its gate opens live as far as it has `places`, where that is known: what is let through beyond would wait
    for room in its cache, and the next start would fail for want of memory.
    """
    cap = min(engine_cap(old), max(places, old.max_concurrency)) if places else engine_cap(old)
    return new.max_batch_tokens != old.max_batch_tokens or new.max_concurrency > cap
