"""What `sayso doctor` has found, one thing at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sayso.errors import ConfigurationError

Verdict: TypeAlias = Literal["ok", "look", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `look` is what sayso works with and the operator should see to."""

    name: str
    verdict: Verdict
    detail: str


def needed(name: str, fine: bool, detail: str) -> Finding:
    """Return a finding about what sayso can not do without."""
    return Finding(name, "ok" if fine else "bad", detail)


def attempt(name: str, look: Callable[[], str]) -> Finding:
    """Return what `look` says, or why it can not."""
    try:
        return Finding(name, "ok", look())
    except ConfigurationError as error:
        return Finding(name, "bad", error.message)
