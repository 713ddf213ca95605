"""Whisper behind the speech seam."""

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing

from sayso.core.languages import language_code
from sayso.core.speech import SAMPLE_RATE, Audio, LanguageProbability, SpeechEvent, SpeechRequest
from sayso.engines.base import EngineInfo
from sayso.engines.config import EngineConfig
from sayso.engines.fingerprint import build_of, fingerprint
from sayso.engines.memory import resident_bytes
from sayso.engines.whisper.detection import Detection
from sayso.engines.whisper.hearing import FALLBACK_TEMPERATURES
from sayso.engines.whisper.model import COMPUTE_TYPE, DECODING, WhisperWeights
from sayso.engines.whisper.planning import CUTS, FEW_WINDOWS_FRAMES, RARE_CUTS
from sayso.engines.whisper.scheduler import WindowScheduler
from sayso.engines.whisper.short_windows import (
    AGAIN_FRAMES,
    LENGTHS,
    PADDING_FRAMES,
    SURE_END_LOGPROB,
    SURE_LANGUAGE,
    SURE_LOGPROB,
)
from sayso.engines.whisper.transcription import Transcription
from sayso.engines.whisper.voice import VoiceNetwork, load_voice_network
from sayso.errors import EngineFailed, InvalidRequest

MAX_CALLERS = 4  # each needs memory for its windows
MIN_SAMPLES = SAMPLE_RATE // 10
BUILD = build_of("whisper", "ctranslate2", "faster-whisper", "tokenizers", "onnxruntime")


class WhisperSpeechEngine:
    """Transcribes, translates and names languages; satisfies `SpeechEngine`."""

    def __init__(self, config: EngineConfig, weights: WhisperWeights, network: VoiceNetwork) -> None:
        self._weights = weights
        self._network = network
        self._fingerprint = fingerprint(config.digest, BUILD, settings_of(config))
        self._loaded_bytes = resident_bytes()
        self._scheduler = WindowScheduler(
            max_started=config.max_concurrency,
            max_waiting=config.queue_depth,
            write_down=weights.write_down,
            threads=callers_of(config),
        )

    @classmethod
    def load(cls, config: EngineConfig) -> "WhisperSpeechEngine":
        """Load the weights and decode once; blocks for a second or two.

        Raises `ConfigurationError` if the folder lacks a file.
        """
        callers = callers_of(config)
        weights = WhisperWeights.load(config.folder, threads_of(config) // callers, callers=callers + 1)
        weights.warm_up()
        return cls(config, weights, load_voice_network())

    async def info(self) -> EngineInfo:
        """Describe the engine."""
        return EngineInfo(self._fingerprint, resident_bytes=resident_bytes(), loaded_bytes=self._loaded_bytes)

    async def transcribe(self, request: SpeechRequest) -> AsyncGenerator[SpeechEvent, None]:
        """Transcribe, or translate into English.

        Raises `InvalidRequest` for an unknown language or less than 0.1 s of audio.
        """
        _require_audio(request.audio)
        steps = Transcription(self._weights, self._network, request, self._language(request.language))
        async with aclosing(self._scheduler.stream(steps)) as events:
            async for event in events:
                yield event

    def check_room(self) -> None:
        """Raise `EngineOverloaded` where a request would be refused now."""
        self._scheduler.check_room()

    async def detect_language(self, model: str, audio: Audio) -> tuple[LanguageProbability, ...]:
        """Return every language that the model knows, the most probable first; the sum is 1.

        Raises `InvalidRequest` for less than 0.1 s of audio.
        """
        _require_audio(audio)
        steps = Detection(self._weights, self._network, audio)
        async with aclosing(self._scheduler.stream(steps)) as answers:
            async for languages in answers:
                return languages
        raise EngineFailed("The speech engine gave no answer.")

    def close(self) -> None:
        """Let the window under way end and stop; requests that wait fail with `EngineUnavailable`."""
        self._scheduler.close()

    def _language(self, written: str | None) -> str | None:
        if written is None:
            return None
        code = language_code(written)
        if code is None or code not in self._weights.languages:
            raise InvalidRequest(
                "Invalid language. Give the ISO 639-1 code of a language that the model knows.",
                param="language",
                code="invalid_language",
            )
        return code


def _require_audio(audio: Audio) -> None:
    if audio.samples < MIN_SAMPLES:
        raise InvalidRequest(
            "Audio file is too short. Minimum audio length is 0.1 seconds.",
            param="file",
            code="audio_too_short",
        )


def threads_of(config: EngineConfig) -> int:
    """Return how many threads may compute at once."""
    return config.threads or len(config.cores) or os.cpu_count() or 1


def callers_of(config: EngineConfig) -> int:
    """Return how many calls into the model run at once, each on its share of the threads.

    A decoder's step is too small for several threads: two calls on one each are faster than two in turn.
    """
    return min(threads_of(config), MAX_CALLERS)


def settings_of(config: EngineConfig) -> dict[str, object]:
    """Return the settings that can change a transcript."""
    return {
        "compute_type": COMPUTE_TYPE,
        "decoding": DECODING,
        "short_windows": [
            PADDING_FRAMES,
            AGAIN_FRAMES,
            SURE_LOGPROB,
            SURE_END_LOGPROB,
            SURE_LANGUAGE,
            *LENGTHS,
        ],
        "cuts": [*CUTS, FEW_WINDOWS_FRAMES, *RARE_CUTS],
        "temperatures": FALLBACK_TEMPERATURES,
        "threads": config.threads,
    }
