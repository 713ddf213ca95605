"""Tokens to text: whole characters, stop strings across token boundaries, log probabilities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.core.chat import TokenLogprob
from sayso.engines.openvino.text import TextStream
from sayso.engines.openvino.vocabulary import Vocabulary

BYTES = Vocabulary((*(bytes([i]) for i in range(256)), b"<end>"), frozenset({256}))
END = 256


def parts(text: str, *stops: str) -> tuple[list[str], TextStream]:
    stream = TextStream(BYTES, stops)
    out = []
    for token in text.encode():
        out.append(stream.push(token))
        if stream.stopped:
            break
    out.append(stream.flush())
    return out, stream


@given(st.text())
def test_any_text_comes_out_as_it_went_in(text: str) -> None:
    assert "".join(parts(text)[0]) == text


def test_a_character_comes_only_when_it_is_whole() -> None:
    out, _ = parts("é😀")
    assert out == ["", "é", "", "", "", "😀", ""]


def test_special_tokens_are_no_text() -> None:
    assert TextStream(BYTES).push(END) == ""


def test_a_stop_string_across_tokens_is_trimmed() -> None:
    out, stream = parts("one STOP two", "STOP")
    assert "".join(out) == "one "
    assert stream.stopped


def test_text_that_only_begins_like_a_stop_string_is_let_go() -> None:
    out, stream = parts("STO!", "STOP")
    assert out == ["", "", "", "STO!", ""]
    assert not stream.stopped


def test_the_held_tail_is_flushed_at_the_end() -> None:
    out, stream = parts("abcST", "STOP")
    assert out[-1] == "ST"
    assert not stream.stopped


@given(
    st.text(alphabet="ab"), st.lists(st.text(alphabet="ab", min_size=1, max_size=4), min_size=1, max_size=4)
)
def test_text_ends_at_the_first_completed_stop_string(text: str, stops: list[str]) -> None:
    out, stream = parts(text, *stops)
    ends = [i + len(stop) for stop in stops if (i := text.find(stop)) >= 0]
    if not ends:
        assert "".join(out) == text
        return
    seen = text[: min(ends)]
    assert stream.stopped
    assert "".join(out) == seen[: min(seen.find(stop) for stop in stops if stop in seen)]


def test_log_probabilities_come_with_their_text() -> None:
    stream = TextStream(BYTES, ("xyz",))
    assert stream.push(ord("a"), -0.5) == "a"
    assert [p.token for p in stream.take_logprobs()] == ["a"]
    assert stream.push(ord("x"), -1.0) == ""
    assert stream.take_logprobs() == ()
    assert stream.push(ord("b"), -2.0) == "xb"
    assert [p.logprob for p in stream.take_logprobs()] == [-1.0, -2.0]


def test_a_broken_character_keeps_its_bytes_in_the_log_probabilities() -> None:
    stream = TextStream(BYTES)
    found: list[TokenLogprob] = []
    for token in "é".encode():
        stream.push(token, -1.0)
        found += stream.take_logprobs()
    assert [p.bytes for p in found] == [(0xC3,), (0xA9,)]


@pytest.mark.parametrize("stop", ["", "a"])
def test_an_empty_stop_string_never_matches(stop: str) -> None:
    assert parts("bcd", stop)[0][:3] == ["b", "c", "d"]
