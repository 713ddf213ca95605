"""The strictest wins, whoever asks for it."""

import itertools

import pytest

from sayso.errors import InvalidRequest
from sayso.retention.clock import DAY
from sayso.retention.policy import (
    DEFAULT_DAYS,
    INHERIT,
    RetentionPolicy,
    RetentionSetting,
    effective,
    from_sdk,
    to_sdk,
)

ZERO, STORED, WEEK = RetentionSetting("zero"), RetentionSetting("stored_only"), RetentionSetting("days", 7)
DEFAULT = RetentionSetting("default")
ALL = (INHERIT, DEFAULT, RetentionSetting("days", 30), WEEK, RetentionSetting("days", 1), STORED, ZERO)


@pytest.mark.parametrize(
    ("organization", "project", "days", "stored_days"),
    [
        (DEFAULT, INHERIT, 30, 30),
        (DEFAULT, WEEK, 7, 7),
        (WEEK, DEFAULT, 7, 7),
        (WEEK, STORED, 0, 7),
        (STORED, WEEK, 0, 7),
        (STORED, INHERIT, 0, 30),
        (ZERO, DEFAULT, 0, 0),
        (DEFAULT, ZERO, 0, 0),
        (ZERO, STORED, 0, 0),
    ],
)
def test_what_is_in_force(
    organization: RetentionSetting, project: RetentionSetting, days: int, stored_days: int
) -> None:
    assert effective(organization, project) == RetentionPolicy(days, stored_days)


def test_nothing_lasts_longer_than_any_of_the_three_allows() -> None:
    for one, other, ceiling in itertools.product(ALL, ALL, (0, 1, 14, 30)):
        policy = effective(one, other, ceiling)
        assert policy == effective(other, one, ceiling)
        for stored in (False, True):
            asked = (one.policy.days_for(stored=stored), other.policy.days_for(stored=stored), ceiling)
            assert policy.days_for(stored=stored) == min(asked) <= DEFAULT_DAYS
            assert policy.keeps(stored=stored) == (min(asked) > 0)
            assert policy.expires_at(5, stored=stored) == 5 + min(asked) * DAY


@pytest.mark.parametrize(
    ("mode", "days"), [("days", 0), ("days", 31), ("days", -1), ("zero", 3), ("default", 30), ("for ever", 0)]
)
def test_settings_that_make_no_sense_are_refused(mode: str, days: int) -> None:
    with pytest.raises(InvalidRequest):
        RetentionSetting(mode, days)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("word", "setting"),
    [
        ("organization_default", INHERIT),
        ("none", DEFAULT),
        ("modified_abuse_monitoring", STORED),
        ("enhanced_modified_abuse_monitoring", STORED),
        ("zero_data_retention", ZERO),
        ("enhanced_zero_data_retention", ZERO),
    ],
)
def test_words_of_the_sdk(word: str, setting: RetentionSetting) -> None:
    assert from_sdk(word) == setting
    assert to_sdk(setting) == word.removeprefix("enhanced_")


def test_a_word_that_the_sdk_does_not_have() -> None:
    with pytest.raises(InvalidRequest):
        from_sdk("some")
    assert to_sdk(WEEK) == "none"
