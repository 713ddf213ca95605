"""What the decoder is asked for."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from faster_whisper import WhisperModel

from sayso.engines.whisper.model import WhisperWeights
from tests.unit.engines.whisper.heard_windows import heard


class Model:
    """Remembers how it was asked, and writes nothing."""

    max_length = 448

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.model = self

    def get_prompt(self, tokenizer: object, before: list[int]) -> list[int]:
        return [*before, 1]

    def generate(self, encoded: object, prompts: list[list[int]], **asked: Any) -> list[Any]:
        self.asked = asked
        return [SimpleNamespace(sequences_ids=[[]], scores=[0.0], no_speech_prob=0.1) for _ in prompts]


@pytest.mark.parametrize(
    ("temperature", "search"),
    [
        (0.0, {"beam_size": 5, "patience": 1.0}),
        (0.4, {"beam_size": 1, "num_hypotheses": 5, "sampling_topk": 0, "sampling_temperature": 0.4}),
    ],
)
def test_five_beams_at_first_and_the_best_of_five_samples_at_a_temperature(
    temperature: float, search: dict[str, float]
) -> None:
    weights, model = WhisperWeights.__new__(WhisperWeights), Model()
    weights.model, weights._suppressed = cast(WhisperModel, model), []
    window = heard(temperature=temperature)
    window.tokenizer = cast(Any, SimpleNamespace(decode=lambda tokens: "", transcribe=2, timestamp_begin=9))
    weights.write_down([window])
    assert search.items() <= model.asked.items()
    assert model.asked["length_penalty"] == 1.0
    assert model.asked["suppress_blank"]
    assert model.asked["max_initial_timestamp_index"] == 50  # the first time within a second, as published
