"""The bare pipeline on the same prompts and settings: the measure of HTTP throughput and latency."""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino as ov
import openvino_genai as genai

from sayso.core.chat import Message, Sampling
from sayso.engines.config import EngineConfig
from sayso.engines.openvino.engine import open_pipeline
from sayso.engines.openvino.prompts import PromptEncoder
from sayso.engines.openvino.settings import settings_for
from sayso.engines.openvino.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class BareChat:
    """Completion tokens a second over all streams, and time to first token at idle in seconds."""

    tokens_per_second: float
    first_token_seconds: float


def measure_bare_chat(
    config: EngineConfig, prompts: Sequence[str], *, max_tokens: int = 64, rounds: int = 3
) -> BareChat:
    """Run `prompts` at the same time, greedily, `rounds` times; the best round counts.

    Only the pipeline's own calls are in the loop: no event loop, no text. Time to first token is the median
    over all prompts, one at a time, with the prefix cache warm from the rounds.
    """
    pipeline = open_pipeline(config)
    tokenizer = pipeline.get_tokenizer()
    encoder = PromptEncoder(tokenizer, Vocabulary.of(tokenizer), config.context_length)
    encoded = [encoder.chat([Message("user", prompt)], ()) for prompt in prompts]
    eos = int(tokenizer.get_eos_token_id())
    numbers = itertools.count()

    def add(prompt: list[int], tokens: int) -> Any:
        settings = settings_for(Sampling(temperature=0), max_tokens=tokens, eos=eos, choice=0, logprobs=False)
        return pipeline.add_request(next(numbers), ov.Tensor(np.array([prompt], dtype=np.int64)), settings)

    speeds = []
    for _ in range(rounds + 1):  # the first one warms up
        begin = time.perf_counter()
        count = _drain(pipeline, [add(prompt, max_tokens) for prompt in encoded])
        speeds.append(count / (time.perf_counter() - begin))
    waits = sorted(_first_token(pipeline, lambda prompt=prompt: add(prompt, 1)) for prompt in encoded)
    return BareChat(max(speeds[1:]), waits[len(waits) // 2])


def _drain(pipeline: Any, open_handles: list[Any]) -> int:
    count = 0
    while open_handles:
        pipeline.step()
        for handle in open_handles:
            while handle.can_read():
                count += sum(len(output.generated_ids) for output in handle.read().values())
        open_handles = [h for h in open_handles if h.get_status() == genai.GenerationStatus.RUNNING]
    return count


def _first_token(pipeline: Any, add: Any) -> float:
    begin = time.perf_counter()
    handle = add()
    while not handle.can_read():
        pipeline.step()
    wait = time.perf_counter() - begin
    while handle.can_read():
        handle.read()
    while pipeline.has_non_finished_requests():
        pipeline.step()
    return wait
