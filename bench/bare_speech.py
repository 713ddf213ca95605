"""faster-whisper called directly, with its defaults: the measure of speech over HTTP."""

import io
import os
import time
from collections.abc import Iterable

from faster_whisper import BatchedInferencePipeline, WhisperModel

from bench.workload import Recording
from sayso.engines.config import EngineConfig


class BareSpeech:
    """The weights, the number type and the threads that the server's host has."""

    def __init__(self, config: EngineConfig) -> None:
        threads = config.threads or os.cpu_count() or 1
        self._model = WhisperModel(str(config.folder), device="cpu", compute_type="int8", cpu_threads=threads)

    def transcribe_all(self, recordings: Iterable[Recording]) -> float:
        """Return the seconds that all recordings take, one after the other; the language is detected."""
        begun = time.perf_counter()
        for recording in recordings:
            segments, _ = self._model.transcribe(io.BytesIO(recording.content))
            for _segment in segments:
                pass
        return time.perf_counter() - begun

    def transcribe_batched(self, recordings: Iterable[Recording]) -> float:
        """Return the seconds that they take with windows in batches of 8, the pipeline's default."""
        begun = time.perf_counter()
        pipeline = BatchedInferencePipeline(self._model)
        for recording in recordings:
            segments, _ = pipeline.transcribe(io.BytesIO(recording.content))
            for _segment in segments:
                pass
        return time.perf_counter() - begun
