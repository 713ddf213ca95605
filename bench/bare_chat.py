"""The bare pipeline on the same prompts and settings: the measure of HTTP throughput and latency."""

import itertools
import time
from collections.abc import Sequence
from typing import Any

import openvino_genai as genai

from bench.client import Load
from sayso.core.chat import Sampling
from sayso.engines.config import EngineConfig
from sayso.engines.openvino.conversion import converted
from sayso.engines.openvino.engine import open_pipeline
from sayso.engines.openvino.settings import settings_for


class BareChat:
    """From the prompts' text to the last token: template, tokens and steps; no event loop, no text back."""

    def __init__(self, config: EngineConfig) -> None:
        self._pipeline = open_pipeline(config, converted(config))
        self._tokenizer = self._pipeline.get_tokenizer()
        self._eos = int(self._tokenizer.get_eos_token_id())
        self._numbers = itertools.count()

    def streams(self, prompts: Sequence[str], max_tokens: int) -> Load:
        """Continue all prompts at the same time, greedily; the count is the completion tokens."""
        begun = time.perf_counter()
        count = self._drain([self._add(prompt, max_tokens) for prompt in prompts])
        return Load(count, time.perf_counter() - begun)

    def first_token(self, prompt: str) -> float:
        """Return the seconds until the first token, with nothing else to do."""
        begun = time.perf_counter()
        handle = self._add(prompt, 1)
        while not handle.can_read():
            self._pipeline.step()
        wait = time.perf_counter() - begun
        self._drain([handle])
        return wait

    def _add(self, prompt: str, max_tokens: int) -> Any:
        settings = settings_for(
            Sampling(temperature=0), max_tokens=max_tokens, eos=self._eos, choice=0, logprobs=False
        )
        text = self._tokenizer.apply_chat_template([{"role": "user", "content": prompt}], True)
        ids = self._tokenizer.encode(text, add_special_tokens=False).input_ids
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
