"""Time cut into buckets of a minute, an hour or a day, and the cursors from one page of them to the next.

All moments are whole Unix seconds. Buckets end at multiples of their width (a day is a UTC day); the first
and the last of a query are clipped to it, so that together they cover exactly [start, end).
"""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sayso.errors import InvalidRequest

BucketWidth: TypeAlias = Literal["1m", "1h", "1d"]

WIDTH_SECONDS: dict[BucketWidth, int] = {"1m": 60, "1h": 3_600, "1d": 86_400}
MAX_TIME = 253_402_300_799  # the last second of the year 9999
_CURSOR = re.compile(r"page_([0-9a-f]{1,10})_([0-9a-f]{1,10})")


@dataclass(frozen=True, slots=True)
class Bucket:
    """The seconds from `start` up to, and without, `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class BucketPage:
    """Consecutive buckets, and the cursor of the page after them where there is one."""

    buckets: tuple[Bucket, ...]
    next_page: str | None

    @property
    def start(self) -> int:
        """The first second; only of a page that has buckets."""
        return self.buckets[0].start

    @property
    def end(self) -> int:
        """The second after the last; only of a page that has buckets."""
        return self.buckets[-1].end


def bucket_page(start: int, end: int, width: BucketWidth, limit: int) -> BucketPage:
    """Cut the first `limit` buckets off [start, end); a range without a second in it has none."""
    seconds = WIDTH_SECONDS[width]
    buckets: list[Bucket] = []
    while start < end and len(buckets) < limit:
        edge = min((start // seconds + 1) * seconds, end)
        buckets.append(Bucket(start, edge))
        start = edge
    return BucketPage(tuple(buckets), page_cursor(start, end) if start < end else None)


def page_cursor(start: int, end: int) -> str:
    """Return the cursor of what is left; it keeps `end`, so that a range "until now" stays what it was."""
    return f"page_{start:x}_{end:x}"


def parse_page_cursor(cursor: str) -> tuple[int, int]:
    """Return the start and the end of what is left. Raises `InvalidRequest` for what is no cursor of ours."""
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise InvalidRequest("Invalid 'page': not a cursor of this list.", param="page", code="invalid_value")
    return int(found[1], 16), int(found[2], 16)
