"""Whose a cached block is: a salt in the token ids, where the cache sees it and the model does not.

OpenVINO GenAI keys its prefix cache by token ids of 64 bits, every block by its own and all before it. The
CPU plugin computes with their lower 32 bits. So what stands in the upper halves of a prompt's first ids
parts the cache, and changes no bit of the answer. That is how the plugin works and not what it promises:
`takes_salt` asks it before anything depends on it.
"""

import hashlib
import math
import secrets
import struct
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import openvino as ov
import openvino_genai as genai

_SALTED = 8  # ids; 31 bits in each, so that no id is negative
_PROBE = range(100, 112)  # token ids that every vocabulary has
_TOLD = 2  # tokens that are written to them


def salted(tokens: Sequence[int], salt: str) -> list[int]:
    """Return `tokens` as the cache shall know them; an empty salt is like no other, not even itself."""
    digest = hashlib.sha256(salt.encode()).digest() if salt else secrets.token_bytes(32)
    words = struct.unpack(f"<{_SALTED}I", digest)
    first = [token | word >> 1 << 32 for token, word in zip(tokens, words, strict=False)]
    return [*first, *tokens[_SALTED:]]


def takes_salt(pipeline: Any) -> bool:
    """Return whether an idle pipeline answers a salted prompt as it answers the plain one."""
    plain, chances = _told(pipeline, _PROBE)
    same, likewise = _told(pipeline, salted(_PROBE, ""))
    return same == plain and all(map(partial(math.isclose, abs_tol=1e-3), likewise, chances))


def _told(pipeline: Any, prompt: Sequence[int]) -> tuple[list[int], list[float]]:
    settings = genai.GenerationConfig(max_new_tokens=_TOLD, ignore_eos=True, logprobs=1)
    handle = pipeline.add_request(0, ov.Tensor(np.array([prompt], dtype=np.int64)), settings)
    while pipeline.has_non_finished_requests():
        pipeline.step()
    tokens: list[int] = []
    chances: list[float] = []
    while handle.can_read():
        for output in handle.read().values():
            tokens += output.generated_ids
            chances += output.generated_log_probs
    return tokens, chances
