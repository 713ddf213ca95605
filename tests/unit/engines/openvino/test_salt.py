"""Salted token ids."""

from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sayso.engines.openvino.salt import salted, takes_salt

LOWER = 2**32 - 1


@given(st.lists(st.integers(0, 2**31 - 1), max_size=40), st.text(max_size=5))
def test_the_model_reads_the_tokens_and_no_id_is_negative(tokens: list[int], salt: str) -> None:
    ids = salted(tokens, salt)
    assert [token & LOWER for token in ids] == tokens
    assert all(0 <= token < 2**63 for token in ids)


def test_the_cache_sees_whose_they_are_from_the_first_token_on() -> None:
    tokens = list(range(40))
    mine, again, yours = salted(tokens, "a"), salted(tokens, "a"), salted(tokens, "b")
    assert mine == again
    assert [one == other for one, other in zip(mine, yours, strict=True)] == [False] * 8 + [True] * 32


def test_no_salt_is_like_no_other() -> None:
    assert len({tuple(salted([1], "")) for _ in range(100)} | {(1,), tuple(salted([1], "a"))}) == 102


def test_a_pipeline_that_reads_whole_ids_takes_no_salt() -> None:
    assert takes_salt(Pipeline(mask=LOWER))
    assert not takes_salt(Pipeline(mask=2**63 - 1))


def test_a_pipeline_whose_probabilities_move_takes_no_salt() -> None:
    assert not takes_salt(Pipeline(mask=LOWER, moved=0.01))


@dataclass(frozen=True)
class Told:
    """A finished request of `Pipeline`."""

    generated_ids: list[int]
    generated_log_probs: list[float]

    def read(self) -> "dict[int, Told]":
        return {0: self}


class Pipeline:
    """Answers with the sum of what it reads; `moved` is how far salt moves a log probability."""

    def __init__(self, mask: int, moved: float = 0.0) -> None:
        self._mask = mask
        self._moved = moved

    def add_request(self, number: int, ids: Any, settings: Any) -> Told:
        total = sum(int(token) & self._mask for token in ids.data[0])
        return Told([total], [-1.0 - self._moved * bool(ids.data[0][0] > LOWER)])

    def has_non_finished_requests(self) -> bool:
        return False
