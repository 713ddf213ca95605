"""Where somebody speaks: Silero's voice activity detector, run along the audio as far as it is asked."""

from collections.abc import Iterator
from typing import Protocol, TypeAlias

import numpy as np
from faster_whisper.vad import get_vad_model
from numpy.typing import NDArray

from sayso.engines.whisper.features import Floats, Samples, to_float

STEP = 512  # samples a verdict: 32 ms
CONTEXT = 64  # samples of the step before that the network sees again
STATE = (1, 1, 128)
BLOCK_STEPS = 940  # verdicts a run of the network: 30 s
TARGET_LEVEL = 0.1  # RMS to which a quiet block is raised: the network misses speech below about 0.01
MAX_GAIN = 64.0  # 36 dB; more would raise the last bit of silence to a roar

SPEECH = 0.35  # probability from which a step may be speech
CLEAR_SPEECH = 0.7  # probability that noise does not reach
LONG_SILENCE = 156  # steps, 5 s: a longer one is heard a second time, by itself
LEAST_CLEAR = 10  # steps of clear speech, 0.3 s, for which the second time counts

State: TypeAlias = tuple[Floats, Floats]


class VoiceNetwork(Protocol):
    """The part of an ONNX session that is used."""

    def run(self, outputs: None, inputs: dict[str, Floats]) -> tuple[Floats, Floats, Floats]:
        """Return probabilities and the two halves of the next state."""
        ...


def load_voice_network() -> VoiceNetwork:
    """Load Silero's network, which runs on one thread."""
    network: VoiceNetwork = get_vad_model().session
    return network


def level_gain(sound: Floats) -> float:
    """Return the factor that raises the loud steps of a block to a level at which speech is heard."""
    steps = sound[: len(sound) // STEP * STEP].reshape(-1, STEP)
    if not len(steps):
        return 1.0
    loud = float(np.quantile(np.sqrt(np.mean(steps * steps, axis=1)), 0.95))
    return min(max(TARGET_LEVEL / max(loud, 1e-6), 1.0), MAX_GAIN)


class VoiceActivity:
    """The probability of speech along one audio, one a step of 512 samples; memory is 4 bytes a step."""

    def __init__(self, network: VoiceNetwork, pcm: Samples) -> None:
        self._network = network
        self._pcm = pcm
        self._state = _fresh_state()
        self._probabilities = np.zeros(-(-len(pcm) // STEP), np.float32)
        self._known = 0  # steps

    def hear(self, until: int) -> None:
        """Run the network up to sample `until`, in whole blocks."""
        while self._known < min(-(-until // STEP), len(self._probabilities)):
            self._hear_block()

    def first_speech(self, begin: int, end: int) -> int | None:
        """Return the first sample in [begin, end) at which speech may be, or None. Both must be heard."""
        first = begin // STEP
        found = np.flatnonzero(self._probabilities[first : -(-end // STEP)] >= SPEECH)
        return max(begin, (first + int(found[0])) * STEP) if len(found) else None

    def last_speech(self, begin: int, end: int) -> int | None:
        """Return the sample in (begin, end] behind which nobody speaks, or None without any speech."""
        first = begin // STEP
        found = np.flatnonzero(self._probabilities[first : -(-end // STEP)] >= SPEECH)
        return min(end, (first + int(found[-1]) + 1) * STEP) if len(found) else None

    def longest_pause(self, begin: int, end: int) -> tuple[int, int] | None:
        """Return the longest stretch of [begin, end) samples in which nobody speaks, or None without any."""
        first = begin // STEP
        spoken = self._probabilities[first : -(-end // STEP)] >= SPEECH
        edges = np.flatnonzero(np.diff(np.concatenate(([True], spoken, [True])).astype(np.int8)))
        if not len(edges):
            return None
        begins, ends = edges[::2], edges[1::2]
        longest = int(np.argmax(ends - begins))
        return max(begin, (first + int(begins[longest])) * STEP), min(
            end, (first + int(ends[longest])) * STEP
        )

    def spoken(self, gap: int) -> NDArray[np.bool_]:
        """Return for every step whether somebody may speak, or pauses for fewer than `gap` steps."""
        spoken = self._probabilities >= SPEECH
        edges = np.flatnonzero(np.diff(np.concatenate(([True], spoken, [True])).astype(np.int8)))
        for begin, end in zip(edges[::2], edges[1::2], strict=True):
            if end - begin < gap and begin > 0 and end < len(spoken):
                spoken[begin:end] = True
        return spoken

    def peak(self, begin: int, end: int) -> float:
        """Return the highest probability in [begin, end) samples, 0 outside the audio."""
        heard = self._probabilities[max(begin, 0) // STEP : max(-(-end // STEP), 0)]
        return float(heard.max()) if len(heard) else 0.0

    def _hear_block(self) -> None:
        steps = min(BLOCK_STEPS, len(self._probabilities) - self._known)
        heard, self._state = self._verdicts(self._known, steps, self._state)
        self._probabilities[self._known : self._known + steps] = heard
        for begin, end in _stretches(heard < SPEECH):
            if end - begin >= LONG_SILENCE:
                self._hear_again(self._known + begin, end - begin)
        self._known += steps

    def _hear_again(self, first: int, steps: int) -> None:
        """Hear a long silence by itself, at its own level, as if nothing had been before.

        After louder or clearer sound the network misses whole minutes of speech.
        """
        heard, _ = self._verdicts(first, steps, _fresh_state())
        if np.count_nonzero(heard >= CLEAR_SPEECH) >= LEAST_CLEAR:
            stretch = self._probabilities[first : first + steps]
            np.maximum(stretch, heard, out=stretch)

    def _verdicts(self, first: int, steps: int, state: State) -> tuple[Floats, State]:
        """Run the network over so many steps; return their probabilities and the state behind them."""
        begin = first * STEP
        sound = to_float(self._pcm[max(begin - CONTEXT, 0) : begin + steps * STEP])
        before = CONTEXT if begin == 0 else 0
        behind = steps * STEP + CONTEXT - before - len(sound)
        sound = np.pad(sound, (before, behind))
        sound = np.clip(sound * np.float32(level_gain(sound)), -1.0, 1.0)
        slices = np.lib.stride_tricks.sliding_window_view(sound, STEP + CONTEXT)[::STEP]
        heard, *after = self._network.run(
            None, {"input": np.ascontiguousarray(slices), "h": state[0], "c": state[1]}
        )
        return heard.reshape(-1), (after[0], after[1])


def _fresh_state() -> State:
    return np.zeros(STATE, np.float32), np.zeros(STATE, np.float32)


def _stretches(holds: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield begin and end of every stretch of steps for which it holds."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], holds, [False])).astype(np.int8)))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
