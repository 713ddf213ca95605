"""What a page asks for first, so that a browser asks while it still reads the page's scripts."""

from datetime import UTC, datetime, timedelta
from typing import Final

_PREFIX: Final = "/console/v1/organization"
_EVERY: Final = {  # by the page's name; each as the page's module asks for it
    "playground": ("projects?limit=100", "snapshots?limit=100", "price_books?limit=100"),
    "keys": ("projects?limit=100",),
    "budgets": ("projects?limit=100",),
    "models": ("snapshots?limit=100", "model_aliases?limit=100", "model_deprecations?limit=100"),
    "instances": (
        "instances?limit=100",
        "projects?limit=100",
        "snapshots?limit=100",
        "instance_capacity?limit=100",
    ),
    "engines": ("instance_capacity?limit=100",),
    "members": ("users?limit=100", "invites?limit=100"),
    "data": ("kept_data",),
    "invoices": ("invoices?limit=100",),
}
_DAYS = 30  # that the usage page begins with


def first_data(page: str, now: datetime) -> tuple[str, ...]:
    """Return the addresses that the page of that name asks for as soon as it runs."""
    if page == "usage":
        return _usage(now)
    return tuple(f"{_PREFIX}/{path}" for path in _EVERY.get(page, ()))


def _usage(now: datetime) -> tuple[str, ...]:
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start, end = today - timedelta(days=_DAYS - 1), today + timedelta(days=1)
    days = f"start_time={start.timestamp():.0f}&end_time={end.timestamp():.0f}&bucket_width=1d"
    paths = (
        "projects?limit=100",
        f"costs?{days}&limit=180&group_by=line_item",
        f"usage/completions?{days}&limit=31&group_by=model",
        f"usage/audio_transcriptions?{days}&limit=31&group_by=model",
        f"costs?start_time={today.replace(day=1).timestamp():.0f}&limit=31",
        "budgets",
    )
    return tuple(f"{_PREFIX}/{path}" for path in paths)
