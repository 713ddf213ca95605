"""Periods are those of UTC, whatever the month is long."""

from datetime import UTC, datetime

import pytest

from sayso.billing.counters import Period, period_end, period_start


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("minute", datetime(2024, 2, 29, 23, 59, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)),
        ("day", datetime(2024, 2, 29, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)),
        ("month", datetime(2024, 2, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_lies_in_its_period(period: Period, start: datetime, end: datetime) -> None:
    moment = int(datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC).timestamp() * 1_000_000)
    assert period_start(period, moment) == start.timestamp()
    assert period_end(period, moment) == end.timestamp()
    assert period_start(period, int(end.timestamp()) * 1_000_000) == end.timestamp()


def test_every_month_ends_where_the_next_begins() -> None:
    moment = int(datetime(2023, 1, 31, tzinfo=UTC).timestamp())
    for _ in range(24):
        end = period_end("month", moment * 1_000_000)
        assert datetime.fromtimestamp(end, UTC).day == 1
        assert period_start("month", end * 1_000_000) == end
        moment = end
