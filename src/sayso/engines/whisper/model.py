"""Whisper's weights and the calls into CTranslate2, for as many threads at once as it was loaded for."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2 import StorageView
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_compression_ratio, get_suppressed_tokens

from sayso.core.speech import LanguageProbability, Task
from sayso.engines.whisper.features import WINDOW_FRAMES, Floats, Samples, log_mel, pad_frames, scaled
from sayso.engines.whisper.hearing import (
    COMPRESSION_RATIO_THRESHOLD,
    LOG_PROB_THRESHOLD,
    NO_SPEECH_THRESHOLD,
    Decoded,
    Encoded,
    Hearing,
    Window,
)
from sayso.errors import ConfigurationError

COMPUTE_TYPE = "int8"
STAMP_SECONDS = 0.02  # what a timestamp token counts
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
    "no_speech_threshold": NO_SPEECH_THRESHOLD,
    "compression_ratio_threshold": COMPRESSION_RATIO_THRESHOLD,
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
    def load(cls, folder: Path, threads: int, *, callers: int = 1) -> "WhisperWeights":
        """Load from a folder in CTranslate2's form, for `callers` at once, each on `threads`.

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
                cpu_threads=threads,
                num_workers=callers,
                local_files_only=True,
            )
        )

    def listen(self, pcm: Samples, first: int, frames: int) -> Floats:
        """Return the log-Mel spectrogram of `frames` frames from frame `first` on."""
        return log_mel(pcm, first, frames, self._mel_filters)

    def encode(self, mel: Floats, loudest: float, frames: int = WINDOW_FRAMES) -> Encoded:
        """Run the encoder over a window, padded to `frames`; `loudest` is the highest value of `listen`."""
        return self.model.encode(pad_frames(scaled(mel, loudest), frames))

    def detect(self, encoded: Encoded) -> tuple[LanguageProbability, ...]:
        """Return every language with its probability, the most probable first."""
        if not self.model.model.is_multilingual:
            return (LanguageProbability("en", 1.0),)
        found = self.model.model.detect_language(encoded)[0]
        return tuple(LanguageProbability(token[2:-2], float(p)) for token, p in found)

    def write_down(self, hearings: Sequence[Hearing]) -> list[Decoded]:
        """Write down windows that are alike, each once at their temperature: a beam search at 0."""
        temperature = hearings[0].temperature
        results = self.model.model.generate(
            _stacked([hearing.encoded for hearing in hearings]),
            [self.model.get_prompt(hearing.tokenizer, list(hearing.before)) for hearing in hearings],
            length_penalty=DECODING["length_penalty"],
            repetition_penalty=DECODING["repetition_penalty"],
            no_repeat_ngram_size=DECODING["no_repeat_ngram_size"],
            max_length=self.model.max_length,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=DECODING["suppress_blank"],
            suppress_tokens=self._suppressed,
            max_initial_timestamp_index=round(DECODING["max_initial_timestamp"] / STAMP_SECONDS),
            **_search(temperature),
        )
        return [
            _decoded(hearing, result, temperature) for hearing, result in zip(hearings, results, strict=True)
        ]

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
        tokenizer = self.tokenizer("en", "transcribe")
        window = Window(0, 50)
        self.write_down([Hearing(window, mel, 0.0, WINDOW_FRAMES, encoded, tokenizer, (), 1e-3)])

    def _tokenizer(self, language: str, task: Task) -> Tokenizer:
        return Tokenizer(
            self.model.hf_tokenizer, self.model.model.is_multilingual, task=task, language=language
        )


def _search(temperature: float) -> dict[str, Any]:
    if temperature > 0:
        return {
            "beam_size": 1,
            "num_hypotheses": DECODING["best_of"],
            "sampling_topk": 0,
            "sampling_temperature": temperature,
        }
    return {"beam_size": DECODING["beam_size"], "patience": DECODING["patience"]}


def _stacked(encoded: Sequence[Encoded]) -> Encoded:
    """Return one batch of windows of one length."""
    if len(encoded) == 1:
        return encoded[0]
    return StorageView.from_array(np.concatenate([np.array(one) for one in encoded]))


def _decoded(hearing: Hearing, result: Any, temperature: float) -> Decoded:
    tokens = tuple(result.sequences_ids[0])
    total = result.scores[0] * len(tokens) ** DECODING["length_penalty"]
    text = hearing.tokenizer.decode(list(tokens)).strip()
    return Decoded(
        tokens=tokens,
        temperature=temperature,
        avg_logprob=float(total / (len(tokens) + 1)),
        compression_ratio=float(get_compression_ratio(text)),
        no_speech_prob=float(result.no_speech_prob),
    )
