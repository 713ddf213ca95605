"""Histories of instances, as tests write them down."""

from sayso.dedicated.configuration import Configuration, Share
from sayso.dedicated.events import Change, Event, Requested
from sayso.dedicated.load import PRESETS
from sayso.dedicated.plan import OnDemand, Plan, Rate

PER_HOUR = 37_500_000_000  # $37.50
RATE = Rate(PER_HOUR, "launch", 60)
HOUR = 3_600
START = 1_764_000_000 - 1_764_000_000 % HOUR
SECOND = 1_000_000


def config(cores: int = 1) -> Configuration:
    return Configuration("tiny", Share(cores, 512), 2048, PRESETS["balanced"])


def requested(plan: Plan | None = None, rate: Rate = RATE) -> Requested:
    return Requested("fast", config(), plan or OnDemand(), rate)


def history(*steps: tuple[float, Change]) -> list[Event]:
    """Events at seconds after `START`."""
    return [
        Event(at, START * SECOND + round(moment * SECOND), 0, "user_1", "command", change)
        for at, (moment, change) in enumerate(steps, 1)
    ]
