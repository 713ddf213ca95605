"""The bare pipeline on the same prompts and settings: the measure of HTTP throughput and latency."""

import itertools
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino as ov
import openvino_genai as genai

from bench.client import Load
from sayso.core.chat import Message, Sampling
from sayso.engines.config import EngineConfig
from sayso.engines.openvino.engine import open_pipeline
from sayso.engines.openvino.prompts import PromptEncoder
from sayso.engines.openvino.settings import settings_for
from sayso.engines.openvino.vocabulary import Vocabulary


class BareChat:
    """Only the pipeline's own calls are timed: no event loop, no tokenizing, no text."""

    def __init__(self, config: EngineConfig) -> None:
        self._pipeline = open_pipeline(config)
        tokenizer = self._pipeline.get_tokenizer()
        self._encoder = PromptEncoder(tokenizer, Vocabulary.of(tokenizer), config.context_length)
        self._eos = int(tokenizer.get_eos_token_id())
        self._numbers = itertools.count()

    def streams(self, prompts: Sequence[str], max_tokens: int) -> Load:
        """Continue all prompts at the same time, greedily; the count is the completion tokens."""
        encoded = self._encode(prompts)
        begun = time.perf_counter()
        count = self._drain([self._add(prompt, max_tokens) for prompt in encoded])
        return Load(count, time.perf_counter() - begun)

    def first_token(self, prompt: str) -> float:
        """Return the seconds until the first token, with nothing else to do."""
        encoded = self._encode([prompt])[0]
        begun = time.perf_counter()
        handle = self._add(encoded, 1)
        while not handle.can_read():
            self._pipeline.step()
        wait = time.perf_counter() - begun
        self._drain([handle])
        return wait

    def _encode(self, prompts: Sequence[str]) -> list[list[int]]:
        return [self._encoder.chat([Message("user", prompt)], ()) for prompt in prompts]

    def _add(self, prompt: list[int], max_tokens: int) -> Any:
        settings = settings_for(
            Sampling(temperature=0), max_tokens=max_tokens, eos=self._eos, choice=0, logprobs=False
        )
        ids = ov.Tensor(np.array([prompt], dtype=np.int64))
        return self._pipeline.add_request(next(self._numbers), ids, settings)

    def _drain(self, open_handles: list[Any]) -> int:
        count = 0
        while open_handles:
            if self._pipeline.has_non_finished_requests():
                self._pipeline.step()
            for handle in open_handles:
                while handle.can_read():
                    count += sum(len(output.generated_ids) for output in handle.read().values())
            open_handles = [h for h in open_handles if h.get_status() == genai.GenerationStatus.RUNNING]
        return count
