"""Windows that were heard, without a model."""

from typing import cast

from faster_whisper.tokenizer import Tokenizer

from sayso.engines.whisper.features import WINDOW_FRAMES, Floats
from sayso.engines.whisper.hearing import Decoded, Hearing, Window


def heard(
    *,
    seek: int = 0,
    frames: int = 300,
    padded: int = WINDOW_FRAMES,
    before: int = 0,
    temperature: float = 0.0,
) -> Hearing:
    """Return a window of which nothing was written yet."""
    mel, tokenizer = cast(Floats, None), cast(Tokenizer, None)
    return Hearing(Window(seek, frames), mel, 0.0, padded, None, tokenizer, tuple(range(before)), temperature)


def wrote(
    avg_logprob: float = -0.3, ratio: float = 1.2, *, temperature: float = 0.0, no_speech: float = 0.1
) -> Decoded:
    """Return what a decoder might have written."""
    return Decoded((50364, 7, 50464), temperature, avg_logprob, ratio, no_speech)
