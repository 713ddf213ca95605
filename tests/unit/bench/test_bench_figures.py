"""What the benchmark says of its numbers, and what it asks."""

from pathlib import Path

import orjson
import pytest

from bench.figures import Figure, ratio
from bench.report import write_json
from bench.workload import prompts, speech


@pytest.mark.parametrize(
    ("figure", "met"),
    [
        (Figure("speed", 0.9, "×", at_least=0.9), True),
        (Figure("speed", 0.89, "×", at_least=0.9), False),
        (Figure("wait", 15.0, "ms", at_most=15.0), True),
        (Figure("wait", 15.1, "ms", at_most=15.0), False),
        (Figure("memory", 100.0, "MiB"), None),
    ],
)
def test_a_target_is_met_or_not(figure: Figure, met: bool | None) -> None:
    assert figure.met is met


def test_a_ratio_compares_round_with_round() -> None:
    # The machine slowed down to a tenth in the second round: each round's quotient stays 0.9.
    figure = ratio("speed", [90.0, 9.0, 90.0], [100.0, 10.0, 100.0], at_least=0.9)
    assert figure.value == pytest.approx(0.9)
    assert figure.samples == {"http": [90.0, 9.0, 90.0], "bare": [100.0, 10.0, 100.0]}


def test_a_ratio_needs_both_sides_of_every_round() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratio("speed", [1.0, 2.0], [1.0])


def test_no_two_prompts_share_a_beginning() -> None:
    asked = [*prompts(32, "32.0"), *prompts(32, "32.1"), *prompts(16, "16.0")]
    heads = {prompt.split(")")[0] for prompt in asked}
    assert len(heads) == len(asked)


def test_a_clip_is_synthesized_where_there_are_no_recordings(tmp_path: Path) -> None:
    spoken = speech(tmp_path)
    assert "synthesized" in spoken.described
    assert 5 < spoken.seconds < 15
    assert spoken.recordings[0].content.startswith(b"RIFF")


def test_the_file_holds_values_targets_and_the_run(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    write_json(file, [Figure("wait", 16.0, "ms", at_most=15.0)], {"run": "full"})
    written = orjson.loads(file.read_bytes())
    assert written["run"] == "full"
    assert written["figures"]["wait"] == {
        "value": 16.0, "unit": "ms", "at_least": None, "at_most": 15.0, "met": False, "samples": {},
    }  # fmt: skip
