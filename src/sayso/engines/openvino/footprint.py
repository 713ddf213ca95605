"""What a loaded model takes of the memory, and each token in its cache."""

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino as ov
import openvino_genai as genai

from sayso.engines.memory import resident_bytes

WARM_TOKENS = 512  # the first steps take memory for good that is not the cache's
PROBE_TOKENS = 1_024
_LARGEST_TOKEN = 255  # every vocabulary has that many


@dataclass(frozen=True, slots=True)
class Footprint:
    """Resident bytes with an empty cache, and bytes for each token in it, 0 where that was not measured."""

    loaded_bytes: int
    cache_token_bytes: int = 0


def measure(pipeline: Any, context_length: int) -> Footprint:
    """Read prompts that nobody has written; blocks for seconds.

    Where the cache has less room than they take, a token seems to take less than it does.
    """
    warm, probe = min(WARM_TOKENS, context_length - 1), min(PROBE_TOKENS, context_length - 1)
    for _ in range(2):
        _read(pipeline, warm)
    before = resident_bytes()
    taken = [_growth(pipeline, probe) for _ in range(2)]
    # What other parts of the engine give back meanwhile makes it less than it is, seldom more.
    token_bytes = max(1, *(growth // probe for growth in taken))
    return Footprint(before - 2 * warm * token_bytes, token_bytes)


def _growth(pipeline: Any, tokens: int) -> int:
    before = resident_bytes()
    _read(pipeline, tokens)
    return resident_bytes() - before


def _read(pipeline: Any, tokens: int) -> None:
    # Random, so that nobody's prompt begins like it.
    ids = np.array([[random.randint(0, _LARGEST_TOKEN) for _ in range(tokens - 1)]], dtype=np.int64)  # noqa: S311
    settings = genai.GenerationConfig(max_new_tokens=1)
    handle = pipeline.add_request(random.getrandbits(31), ov.Tensor(ids), settings)
    while pipeline.has_non_finished_requests():
        pipeline.step()
    while handle.can_read():
        handle.read()
