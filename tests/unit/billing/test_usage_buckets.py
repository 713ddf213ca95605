"""Buckets tile the range that was asked for, whatever its ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.billing.usage_buckets import (
    WIDTH_SECONDS,
    Bucket,
    BucketWidth,
    bucket_page,
    parse_page_cursor,
)
from sayso.errors import InvalidRequest

DAY = 86_400


def test_days_are_utc_days_and_the_ends_are_clipped() -> None:
    page = bucket_page(DAY + 5, 3 * DAY + 7, "1d", 7)
    assert page.buckets == (
        Bucket(DAY + 5, 2 * DAY),
        Bucket(2 * DAY, 3 * DAY),
        Bucket(3 * DAY, 3 * DAY + 7),
    )
    assert page.next_page is None


@pytest.mark.parametrize(("start", "end"), [(5, 5), (6, 5), (0, 0)])
def test_a_range_without_a_second_has_no_bucket(start: int, end: int) -> None:
    page = bucket_page(start, end, "1m", 60)
    assert page.buckets == ()
    assert page.next_page is None


def test_a_page_that_ends_with_the_range_is_the_last() -> None:
    assert bucket_page(0, 2 * DAY, "1d", 2).next_page is None
    assert bucket_page(0, 2 * DAY + 1, "1d", 2).next_page is not None


@given(
    st.integers(0, 10**10),
    st.integers(0, 10**6),
    st.sampled_from(["1m", "1h", "1d"]),
    st.integers(1, 50),
)
def test_pages_tile_the_range(start: int, length: int, width: BucketWidth, limit: int) -> None:
    end, seconds = start + min(length, 500 * WIDTH_SECONDS[width]), WIDTH_SECONDS[width]
    page = bucket_page(start, end, width, limit)
    found = list(page.buckets)
    while page.next_page is not None:
        assert len(page.buckets) == limit
        page = bucket_page(*parse_page_cursor(page.next_page), width, limit)
        found += page.buckets
    edges = [start, *(bucket.end for bucket in found)]
    assert [bucket.start for bucket in found] == edges[:-1]
    assert edges[-1] == end
    assert all(edge % seconds == 0 for edge in edges[1:-1])
    assert all(0 < bucket.end - bucket.start <= seconds for bucket in found)


@pytest.mark.parametrize(
    "cursor", ["page", "", "page_1", "page_1_2_3", "page_g_1", "page_1_2\n", "page_" + "f" * 99]
)
def test_a_strangers_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_page_cursor(cursor)
    assert refused.value.param == "page"
