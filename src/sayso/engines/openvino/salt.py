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
from typing import Any

import numpy as np
import openvino as ov
import openvino_genai as genai

_SALTED = 8  # ids; 31 bits in each, so that no id is negative
_PROBE = range(100, 112)  # token ids that every vocabulary has


def salted(tokens: Sequence[int], salt: str) -> list[int]:
    """Return `tokens` as the cache shall know them; an empty salt is like no other, not even itself."""
    digest = hashlib.sha256(salt.encode()).digest() if salt else secrets.token_bytes(32)
    words = struct.unpack(f"<{_SALTED}I", digest)
    first = [token | word >> 1 << 32 for token, word in zip(tokens, words, strict=False)]
    return [*first, *tokens[_SALTED:]]


def takes_salt(pipeline: Any) -> bool:
    """Return whether a pipeline that has answered nothing yet answers a salted prompt like the plain one.

    It costs one step.
    """
    settings = genai.GenerationConfig(max_new_tokens=1, ignore_eos=True, logprobs=1)
    asked = (list(_PROBE), salted(_PROBE, ""))
    handles = [
        pipeline.add_request(number, ov.Tensor(np.array([prompt], dtype=np.int64)), settings)
        for number, prompt in enumerate(asked)
    ]
    while pipeline.has_non_finished_requests():
        pipeline.step()
    (plain,), (other,) = (handle.read().values() for handle in handles)
    near = math.isclose(plain.generated_log_probs[0], other.generated_log_probs[0], abs_tol=1e-3)
    return near and bool(plain.generated_ids == other.generated_ids)
