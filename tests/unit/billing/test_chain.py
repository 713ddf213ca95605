"""A transaction's hash depends on everything in it and on everything before it."""

from dataclasses import replace

import pytest

from sayso.billing.journal import FIRST_HASH, Posting, chained

POSTING = Posting("charge", "org_1", "req_1", (("a", 1), ("b", -1)), 5, evidence=("key_1", 3))


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "credit"},
        {"organization_id": "org_2"},
        {"reference": "req_2"},
        {"entries": (("b", -1), ("a", 1))},
        {"posted_at": 6},
        {"reverses": 1},
        {"evidence": ("key_2", 3)},
    ],
)
def test_every_field_is_in_the_hash(change: dict[str, object]) -> None:
    assert chained(FIRST_HASH, 1, replace(POSTING, **change)) != chained(FIRST_HASH, 1, POSTING)  # type: ignore[arg-type]


def test_what_came_before_and_the_number_are_in_the_hash() -> None:
    one = chained(FIRST_HASH, 1, POSTING)
    assert one != chained(one, 1, POSTING)
    assert one != chained(FIRST_HASH, 2, POSTING)
    assert len(one) == 32
