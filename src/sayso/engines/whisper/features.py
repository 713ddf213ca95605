"""The log-Mel spectrogram of one window, computed from PCM without touching the rest of the audio."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sayso.core.speech import SAMPLE_RATE

Samples: TypeAlias = NDArray[np.int16]
Floats: TypeAlias = NDArray[np.float32]

HOP = 160  # samples a frame: 10 ms
FFT = 400  # samples in the transform: 25 ms
FRAMES_PER_SECOND = SAMPLE_RATE // HOP
WINDOW_FRAMES = 30 * FRAMES_PER_SECOND  # what Whisper's encoder hears at once
DYNAMIC_RANGE = 8.0  # powers of ten kept below the loudest bin of the audio


def pcm_samples(pcm: memoryview) -> Samples:
    """View signed 16-bit little-endian PCM as samples, without a copy: shape (samples,), dtype int16."""
    whole = pcm.nbytes // 2 * 2
    return np.frombuffer(pcm.cast("B")[:whole], dtype="<i2")


def frame_count(samples: int) -> int:
    """Return how many whole frames that many samples hold, at least 1 for any sound."""
    return max(samples // HOP, min(samples, 1))


def to_float(samples: Samples) -> Floats:
    """Scale 16-bit samples to [-1, 1)."""
    return samples.astype(np.float32) / np.float32(32768.0)


def framed_samples(pcm: Samples, first: int, frames: int) -> Floats:
    """Return the samples that frames `first` … `first + frames - 1` see.

    shape = ((frames - 1) * 160 + 400,), dtype float32 in [-1, 1). A frame is centred on its hop;
    before the audio lies its mirror image, after it silence.
    """
    begin = first * HOP - FFT // 2
    end = begin + (frames - 1) * HOP + FFT
    sound = to_float(pcm[max(begin, 0) : max(min(end, len(pcm)), 0)])
    behind = np.zeros(end - max(begin, 0) - len(sound), dtype=np.float32)
    sound = np.concatenate((sound, behind))
    if begin < 0:
        sound = np.concatenate((sound[1 : 1 - begin][::-1], sound))
    return sound


def log_mel(pcm: Samples, first: int, frames: int, mel_filters: Floats) -> Floats:
    """Return the logarithm of the power in each Mel band of `frames` frames from frame `first` on.

    shape = (mels, frames), dtype float32, in powers of ten. Power spectrum under a Hann window, Mel
    filters, log10: section 2.2 of the Whisper paper (arXiv 2212.04356).
    """
    hann = np.hanning(FFT + 1)[:-1].astype(np.float32)
    sound = framed_samples(pcm, first, frames)
    slices = np.lib.stride_tricks.sliding_window_view(sound, FFT)[::HOP]
    # As the published code rounds it: the last bit of a feature decides between words that are alike.
    power = np.abs(np.fft.rfft(slices * hann, axis=-1)).astype(np.float32) ** 2
    return np.asarray(np.log10(np.maximum(mel_filters @ power.T, np.float32(1e-10))), dtype=np.float32)


def scaled(mel: Floats, loudest: float) -> Floats:
    """Return what the encoder hears: cut at 8 below the loudest bin of the audio, then (x + 4) / 4.

    As in Whisper's published code, which takes the loudest bin of the whole audio.
    """
    floor = np.float32(loudest - DYNAMIC_RANGE)
    return np.ascontiguousarray((np.maximum(mel, floor) + 4.0) / 4.0, dtype=np.float32)


def pad_frames(mel: Floats, frames: int) -> Floats:
    """Return the features with zeros behind up to `frames`: shape (mels, frames)."""
    return np.pad(mel, ((0, 0), (0, max(0, frames - mel.shape[1]))))
