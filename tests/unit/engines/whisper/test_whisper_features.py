import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor

from sayso.engines.whisper.features import frame_count, log_mel, pad_frames, pcm_samples, scaled

FILTERS = FeatureExtractor().mel_filters


def noise(samples: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.random.default_rng(7).normal(0, 3000, samples).astype(np.int16)


@pytest.mark.parametrize("samples", [1600, 16_000, 16_123, 480_000])
def test_a_short_audio_has_the_published_features_to_the_bit(samples: int) -> None:
    pcm = noise(samples)
    frames = frame_count(samples)
    published = FeatureExtractor()(pcm.astype(np.float32) / 32768)[:, :frames]
    mel = log_mel(pcm, 0, frames, FILTERS)
    np.testing.assert_array_equal(scaled(mel, float(mel.max())), published)


def test_a_window_within_a_long_audio_sees_its_neighbours() -> None:
    pcm = noise(40 * 16_000)
    whole = log_mel(pcm, 0, 4000, FILTERS)
    np.testing.assert_allclose(log_mel(pcm, 1234, 1500, FILTERS), whole[:, 1234:2734], atol=2e-4)


def test_a_window_is_cut_below_the_loudest_bin_of_the_audio() -> None:
    mel = np.array([[-9.0, 2.0, -3.0]], np.float32)
    assert scaled(mel, 2.0).tolist() == [[-0.5, 1.5, 0.25]]
    assert scaled(mel, 4.0).tolist() == [[0.0, 1.5, 0.25]]


def test_the_end_of_the_audio_is_followed_by_silence() -> None:
    pcm = noise(16_000)
    mel = log_mel(pcm, 0, 200, FILTERS)
    assert mel.shape == (80, 200)
    assert mel[:, 110:].max() == pytest.approx(-10)


def test_padding_adds_zero_frames_behind() -> None:
    mel = pad_frames(np.ones((80, 5), np.float32), 8)
    assert mel.shape == (80, 8)
    assert mel[:, :5].all()
    assert not mel[:, 5:].any()


def test_pcm_is_viewed_not_copied_and_a_half_sample_is_left_out() -> None:
    raw = bytearray(b"\x01\x00\xff\xff\x07")
    samples = pcm_samples(memoryview(raw))
    assert samples.tolist() == [1, -1]
    raw[0] = 9
    assert samples[0] == 9


def test_any_sound_has_a_frame() -> None:
    assert [frame_count(n) for n in (0, 1, 159, 160, 319, 320)] == [0, 1, 1, 1, 1, 2]
