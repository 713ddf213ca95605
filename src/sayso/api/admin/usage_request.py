"""What the query of a usage or costs request asks for."""

from dataclasses import dataclass

from starlette.datastructures import QueryParams

from sayso.api import field_errors as wrong
from sayso.api.admin import query
from sayso.billing.usage_buckets import (
    MAX_TIME,
    WIDTH_SECONDS,
    BucketPage,
    BucketWidth,
    bucket_page,
    parse_page_cursor,
)
from sayso.billing.usage_report import UsageFilter
from sayso.errors import InvalidRequest

LIMITS: dict[BucketWidth, tuple[int, int]] = {"1m": (60, 1_440), "1h": (24, 168), "1d": (7, 31)}
COST_LIMITS = (7, 180)
WIDTHS: tuple[BucketWidth, ...] = ("1m", "1h", "1d")
DAY: BucketWidth = "1d"


@dataclass(frozen=True, slots=True)
class UsageRequest:
    """Which buckets, of which usage, in which groups. `batch` is None where it does not matter."""

    page: BucketPage
    width: BucketWidth
    group_by: tuple[str, ...]
    only: UsageFilter
    batch: bool | None = None
    line_items: tuple[str, ...] | None = None

    @property
    def empty(self) -> bool:
        """True where nothing can be found: all that is served is no batch."""
        return self.batch is True


def usage_request(params: QueryParams, dimensions: tuple[str, ...], now: float) -> UsageRequest:
    """Read a usage query that may be grouped by `dimensions`. Raises `InvalidRequest`."""
    width = query.word(params, "bucket_width", WIDTHS, DAY)
    start, end = _range(params, width, now)
    return UsageRequest(
        bucket_page(start, end, width, _limit(params, LIMITS[width])),
        width,
        query.word_list(params, "group_by", dimensions),
        _filter(params),
        query.boolean(params, "batch"),
    )


def costs_request(params: QueryParams, dimensions: tuple[str, ...], now: float) -> UsageRequest:
    """Read a costs query. A cost is of a whole UTC day, so the range grows to whole days."""
    width = query.word(params, "bucket_width", (DAY,), DAY)
    start, end = _range(params, width, now)
    day = WIDTH_SECONDS[width]
    return UsageRequest(
        bucket_page(start // day * day, -(-end // day) * day, width, _limit(params, COST_LIMITS)),
        width,
        query.word_list(params, "group_by", dimensions),
        _filter(params),
        line_items=query.text_list(params, "line_items"),
    )


def _range(params: QueryParams, width: BucketWidth, now: float) -> tuple[int, int]:
    """Return the first second and the one after the last: by default the end of the current bucket."""
    seconds = WIDTH_SECONDS[width]
    start = query.integer(params, "start_time", minimum=0, maximum=MAX_TIME)
    end = query.integer(params, "end_time", minimum=0, maximum=MAX_TIME)
    if start is None:
        raise wrong.missing("start_time")
    if end is None:
        end = (int(now) // seconds + 1) * seconds
    cursor = params.get("page")
    if cursor is None:
        return start, end
    next_start, cursor_end = parse_page_cursor(cursor)
    if not start <= next_start <= cursor_end or ("end_time" in params and cursor_end != end):
        raise InvalidRequest(
            "Invalid 'page': the cursor is of another query.", param="page", code="invalid_value"
        )
    return next_start, cursor_end


def _limit(params: QueryParams, bounds: tuple[int, int]) -> int:
    default, maximum = bounds
    limit = query.integer(params, "limit", minimum=1, maximum=maximum)
    return default if limit is None else limit


def _filter(params: QueryParams) -> UsageFilter:
    return UsageFilter(
        project_ids=query.text_list(params, "project_ids"),
        user_ids=query.text_list(params, "user_ids"),
        api_key_ids=query.text_list(params, "api_key_ids"),
        models=query.text_list(params, "models"),
    )
