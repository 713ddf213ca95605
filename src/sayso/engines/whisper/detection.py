"""Naming the language of an audio."""

from collections.abc import Sequence

from sayso.core.speech import Audio, LanguageProbability
from sayso.engines.whisper.features import HOP, WINDOW_FRAMES, frame_count, pcm_samples
from sayso.engines.whisper.hearing import Decoded, Hearing
from sayso.engines.whisper.model import WhisperWeights
from sayso.engines.whisper.voice import VoiceActivity, VoiceNetwork


class Detection:
    """Looks for the first speech, a window a step, and names the language of the 30 s from there on."""

    def __init__(self, weights: WhisperWeights, network: VoiceNetwork, audio: Audio) -> None:
        self._weights = weights
        self._pcm = pcm_samples(audio.pcm)
        self._voice = VoiceActivity(network, self._pcm)
        self._frames = frame_count(len(self._pcm))
        self._seek = 0
        self._found: list[tuple[LanguageProbability, ...]] = []

    @property
    def remaining(self) -> int:
        """Windows that are left at most."""
        return -(-(self._frames - self._seek) // WINDOW_FRAMES)

    @property
    def is_short(self) -> bool:
        """Whether all of it is one window."""
        return self._frames <= WINDOW_FRAMES

    @property
    def can_step(self) -> bool:
        """Whether there is a window to look at."""
        return self._seek < self._frames

    def step(self) -> Sequence[Hearing]:
        """Name the language of the next window, if somebody speaks there or it is the last."""
        end = min(self._seek + WINDOW_FRAMES, self._frames)
        self._voice.hear(end * HOP)
        speech = self._voice.first_speech(self._seek * HOP, end * HOP)
        if speech is None and end < self._frames:
            self._seek = end
            return ()
        first = 0 if speech is None else max(speech // HOP - 50, 0)
        self._seek = self._frames
        mel = self._weights.listen(self._pcm, first, min(WINDOW_FRAMES, self._frames - first))
        self._found.append(self._weights.detect(self._weights.encode(mel, float(mel.max()))))
        return ()

    def written(self, hearing: Hearing, decoded: Decoded) -> Sequence[Hearing]:
        """Nothing is written down here."""
        return ()

    def collect(self) -> Sequence[tuple[LanguageProbability, ...]]:
        """Return all languages, most probable first, once; where nobody speaks, by the first window."""
        found, self._found = self._found, []
        return found
