"""Windows that were heard, and voice activity, without a model."""

from typing import cast

import numpy as np
from faster_whisper.tokenizer import Tokenizer

from sayso.engines.whisper.features import WINDOW_FRAMES, Floats
from sayso.engines.whisper.hearing import Decoded, Hearing, Window
from sayso.engines.whisper.voice import CONTEXT, VoiceActivity


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


class SoundIsSpeech:
    """A network that says 1 of a step that holds any sound."""

    def run(self, outputs: None, inputs: dict[str, Floats]) -> tuple[Floats, Floats, Floats]:
        sounds = np.asarray(np.any(inputs["input"][:, CONTEXT:], axis=1), np.float32)
        state = np.zeros((1, 1, 128), np.float32)
        return sounds, state, state


def voice_with_pauses(samples: int, *pauses: tuple[float, float]) -> VoiceActivity:
    """Return voice activity over speech everywhere but in `pauses`, in seconds; nothing is heard yet."""
    pcm = np.full(samples, 20_000, np.int16)
    for begin, end in pauses:
        pcm[round(begin * 16_000) : round(end * 16_000)] = 0
    return VoiceActivity(SoundIsSpeech(), pcm)
