"""Moments of the data promise, in the form that every object states."""


def unix(moment: int) -> int:
    """Return Unix seconds of Unix microseconds."""
    return moment // 1_000_000


def optional_unix(moment: int | None) -> int | None:
    """Return Unix seconds, None for None."""
    return None if moment is None else unix(moment)
