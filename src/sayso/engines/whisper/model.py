"""Whisper's weights and the calls into CTranslate2; only the worker thread may use it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import TranscriptionOptions, get_suppressed_tokens

from sayso.core.speech import LanguageProbability, Task
from sayso.engines.whisper.features import WINDOW_FRAMES, Floats, Samples, log_mel, pad_frames, scaled
from sayso.errors import ConfigurationError

Encoded: TypeAlias = Any  # CTranslate2's StorageView of one window, (1, positions, width)

COMPUTE_TYPE = "int8"
FALLBACK_TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
LOG_PROB_THRESHOLD = -1.0  # a mean log probability below this is a failed decode
FILES = ("model.bin", "config.json", "tokenizer.json")

# The method of the Whisper paper, section 3.8, as its published implementations set it.
DECODING: dict[str, Any] = {
    "beam_size": 5,
    "best_of": 5,
    "patience": 1.0,
    "length_penalty": 1.0,
    "repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "log_prob_threshold": LOG_PROB_THRESHOLD,
    "no_speech_threshold": 0.6,
    "compression_ratio_threshold": 2.4,
    "condition_on_previous_text": True,
    "prompt_reset_on_temperature": 0.5,
    "initial_prompt": None,
    "prefix": None,
    "suppress_blank": True,
    "without_timestamps": False,
    "max_initial_timestamp": 1.0,
    "word_timestamps": False,
    "prepend_punctuations": "\"'“¿([{-",
    "append_punctuations": "\"'.。,，!！?？:：”)]}、",
    "multilingual": False,
    "max_new_tokens": None,
    "clip_timestamps": "0",
    "hallucination_silence_threshold": None,
    "hotwords": None,
}


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the decoder wrote about one window, with its statistics."""

    tokens: tuple[int, ...]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float

    @property
    def is_silence(self) -> bool:
        """Whether the decoder itself doubts both that somebody speaks and what it wrote."""
        doubt = self.no_speech_prob > float(DECODING["no_speech_threshold"])
        return doubt and self.avg_logprob <= LOG_PROB_THRESHOLD


class WhisperWeights:
    """A loaded Whisper: features, encoder, decoder, tokenizer."""

    def __init__(self, model: WhisperModel) -> None:
        self.model = model
        self._mel_filters: Floats = model.feature_extractor.mel_filters
        known = model.supported_languages
        token = model.hf_tokenizer.token_to_id
        self.languages = tuple(c for c in known if len(known) == 1 or token(f"<|{c}|>") is not None)
        self.tokenizer = lru_cache(maxsize=None)(self._tokenizer)
        # The same for every language and task.
        self._suppressed = get_suppressed_tokens(self.tokenizer("en", "transcribe"), [-1])

    @classmethod
    def load(cls, folder: Path, threads: int) -> "WhisperWeights":
        """Load from a folder in CTranslate2's form; `threads` 0 takes every CPU.

        Raises `ConfigurationError` if a file is missing.
        """
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise ConfigurationError(f"the speech model's folder lacks {', '.join(missing)}")
        return cls(
            WhisperModel(
                str(folder),
                device="cpu",
                compute_type=COMPUTE_TYPE,
                cpu_threads=threads or os.cpu_count() or 1,
                local_files_only=True,
            )
        )

    def listen(self, pcm: Samples, first: int, frames: int) -> Floats:
        """Return the log-Mel spectrogram of `frames` frames from frame `first` on."""
        return log_mel(pcm, first, frames, self._mel_filters)

    def encode(self, mel: Floats, loudest: float) -> Encoded:
        """Run the encoder over a window; `loudest` is the highest value of `listen`."""
        return self.model.encode(pad_frames(scaled(mel, loudest), WINDOW_FRAMES))

    def detect(self, encoded: Encoded) -> tuple[LanguageProbability, ...]:
        """Return every language with its probability, the most probable first."""
        if not self.model.model.is_multilingual:
            return (LanguageProbability("en", 1.0),)
        found = self.model.model.detect_language(encoded)[0]
        return tuple(LanguageProbability(token[2:-2], float(p)) for token, p in found)

    def decode(
        self, encoded: Encoded, tokenizer: Tokenizer, before: Sequence[int], temperature: float
    ) -> Decoded:
        """Write down one window; `before` are the tokens that came before it.

        Temperature 0 falls back to higher ones while a decode fails its checks.
        """
        temperatures = FALLBACK_TEMPERATURES if temperature == 0 else (temperature,)
        result, avg_logprob, used, compression_ratio = self.model.generate_with_fallback(
            encoded,
            self.model.get_prompt(tokenizer, list(before)),
            tokenizer,
            TranscriptionOptions(
                **DECODING, temperatures=list(temperatures), suppress_tokens=self._suppressed
            ),
        )
        return Decoded(
            tokens=tuple(result.sequences_ids[0]),
            temperature=float(used),
            avg_logprob=float(avg_logprob),
            compression_ratio=float(compression_ratio),
            no_speech_prob=float(result.no_speech_prob),
        )

    def align(
        self,
        encoded: Encoded,
        tokenizer: Tokenizer,
        pieces: list[dict[str, Any]],
        frames: int,
        speech_end: float,
    ) -> None:
        """Add `words` to each piece by cross-attention and dynamic time warping, and move its ends to them.

        A piece has `seek` in frames, `start` and `end` in seconds, and `tokens`; `speech_end` is where the
        last word before ended, in seconds.
        """
        self.model.add_word_timestamps(
            [pieces],
            tokenizer,
            encoded,
            frames,
            DECODING["prepend_punctuations"],
            DECODING["append_punctuations"],
            last_speech_timestamp=speech_end,
        )

    def warm_up(self) -> None:
        """Decode half a second of faint noise, so that the first request finds every buffer in place."""
        noise = np.random.default_rng(0).normal(0, 30, 8_000).astype(np.int16)
        mel = self.listen(noise, 0, 50)
        encoded = self.encode(mel, float(mel.max()))
        self.detect(encoded)
        self.decode(encoded, self.tokenizer("en", "transcribe"), (), 1e-3)

    def _tokenizer(self, language: str, task: Task) -> Tokenizer:
        return Tokenizer(
            self.model.hf_tokenizer, self.model.model.is_multilingual, task=task, language=language
        )
