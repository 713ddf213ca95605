import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.audio.subtitles import srt, vtt
from sayso.core.speech import Segment


def segment(text: str, start: float = 0.0, end: float = 1.0) -> Segment:
    return Segment(0, 0, start, end, text, (), 0.0, 0.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("seconds", "clock"),
    [
        (0.0, "00:00:00,000"),
        (59.9994, "00:00:59,999"),
        (59.9996, "00:01:00,000"),
        (3599.9996, "01:00:00,000"),
        (3661.5, "01:01:01,500"),
        (360_000.0, "100:00:00,000"),
        (-0.2, "00:00:00,000"),
    ],
)
def test_times_carry(seconds: float, clock: str) -> None:
    assert srt([segment("x", seconds, seconds)]).splitlines()[1] == f"{clock} --> {clock}"


def test_a_cue_never_ends_before_it_begins() -> None:
    assert "00:00:02.000 --> 00:00:02.000" in vtt([segment("x", 2.0, 1.0)])


def test_segments_without_text_make_no_cue_and_no_gap_in_the_numbers() -> None:
    written = srt([segment("a"), segment("  \n "), segment("b")])
    assert re.findall(r"^\d+$", written, re.MULTILINE) == ["1", "2"]


def test_arrows_and_line_breaks_in_speech() -> None:
    text = "a --> b\n\n2\r\n00:00:00,000 --> 00:00:09,000\u2028c"
    assert srt([segment(text)]).splitlines()[2:] == ["a -> b 2 00:00:00,000 -> 00:00:09,000 c", ""]


@pytest.mark.parametrize("arrow", ["-->", "--->", "-->-->", "----->"])
def test_longer_arrows_leave_none_behind(arrow: str) -> None:
    assert srt([segment(f"a {arrow} b")]).count("-->") == 1


def test_markup_in_speech() -> None:
    assert "R&amp;D &lt;b>" in vtt([segment("R&D <b>")])
    assert "R&D <b>" in srt([segment("R&D <b>")])


@given(st.lists(st.text() | st.text("->\n&< a1,"), max_size=5))
def test_whatever_is_said_the_files_keep_their_shape(texts: list[str]) -> None:
    spoken = [segment(text) for text in texts]
    for block in [block for block in srt(spoken).split("\n\n") if block]:
        number, times, *text = block.split("\n")
        assert number.isdigit()
        assert re.fullmatch(r"\d\d:\d\d:\d\d,\d{3} --> \d\d:\d\d:\d\d,\d{3}", times)
        assert len(text) == 1
        assert text[0].strip()
    head, *blocks = vtt(spoken).split("\n\n")
    assert head == "WEBVTT"
    for block in [block for block in blocks if block]:
        assert len(block.split("\n")) == 2
        assert block.count("-->") == 1
