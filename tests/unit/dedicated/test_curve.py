"""Summing up a load curve."""

import re
from dataclasses import asdict
from xml.etree import ElementTree

import pytest

from sayso.cli.curve_plot import bars, svg
from sayso.dedicated.curve import Answer, Level, SpeechLevel, Transcript, quantile, read_level


def test_a_level_sums_up_its_answers() -> None:
    answers = [Answer(0.1 * number, 1.0, 11) for number in range(1, 21)]
    level = Level.of(4, answers, 2.0)
    assert (level.concurrency, level.answers) == (4, 20)
    assert level.tokens_per_second == 110
    assert level.first_p50 == pytest.approx(1.1)
    assert level.first_p95 == pytest.approx(2.0)
    assert level.token_p50 == pytest.approx(0.1)
    assert level.request_p95 == pytest.approx(3.0)


def test_a_level_of_speech_counts_seconds_of_sound() -> None:
    level = SpeechLevel.of(2, [Transcript(0.1 * number, 11.0) for number in range(1, 21)], 20.0)
    assert (level.concurrency, level.answers) == (2, 20)
    assert level.audio_seconds_per_second == level.throughput == 11
    assert level.request_p50 == pytest.approx(1.1)
    assert level.request_p95 == pytest.approx(2.0)


def test_a_level_comes_back_as_what_it_was() -> None:
    for level in (levels()[0], speech_levels()[0]):
        assert read_level(asdict(level)) == level


def test_an_answer_of_one_token_has_no_time_between_tokens() -> None:
    assert Answer(0.1, 0.0, 1).token_seconds == 0


def test_of_nothing_there_is_no_quantile() -> None:
    with pytest.raises(ValueError, match="nothing"):
        quantile([], 0.5)


def levels() -> list[Level]:
    return [Level.of(many, [Answer(0.1, many / 10, 32)] * 4, 4.0 / many) for many in (1, 2, 4)]


def speech_levels() -> list[SpeechLevel]:
    return [SpeechLevel.of(many, [Transcript(many, 11.0)] * 4, 4.0) for many in (1, 2)]


def test_bars_and_plot_name_their_unit() -> None:
    assert "128 tokens/s" in bars(levels())
    assert "11.0 s of audio/s" in bars(speech_levels())
    assert "throughput, tokens a second" in svg(levels(), "")
    assert "throughput, seconds of audio a second" in svg(speech_levels(), "")


def test_bars_grow_with_what_they_stand_for() -> None:
    lines = bars(levels()).splitlines()
    assert [line.count("█") for line in lines[::2]] == [10, 20, 40]
    assert [line.count("░") for line in lines[1::2]] == [16, 24, 40]


def test_the_plot_has_a_point_for_each_level_inside_its_frame() -> None:

    picture = ElementTree.fromstring(svg(levels(), "a & b"))
    assert "a & b" in "".join(picture.itertext())
    space = "{http://www.w3.org/2000/svg}"
    points = [(float(one.get("cx", 0)), float(one.get("cy", 0))) for one in picture.iter(f"{space}circle")]
    assert len(points) == 3
    assert all(64 <= x <= 720 - 64 and 64 <= y <= 440 - 64 for x, y in points)
    assert points == sorted(points)
    assert [y for _, y in points] == sorted((y for _, y in points), reverse=True)
    line = picture.find(f"{space}polyline")
    assert line is not None
    assert len(re.findall(r"[\d.]+,[\d.]+", line.get("points", ""))) == 3
