"""Windows shorter than the 30 s that Whisper was trained on, and when what was written about one is in doubt.

The encoder's cost grows faster than a window's length, and most clips are a few seconds long. A short window
is written down well where the decoder is sure of it; where it is not, it loops or invents more often than on
the full window. So a short window is decoded once, and in doubt the full window has the last word.
"""

from sayso.engines.whisper.features import WINDOW_FRAMES
from sayso.engines.whisper.hearing import COMPRESSION_RATIO_THRESHOLD, Decoded
from sayso.engines.whisper.windows import FRAMES_PER_STAMP

PADDING_FRAMES = 100  # of silence behind the sound at least; with none the decoder finds no end and loops
LENGTHS = (400, 600, 800, 1000, 1300, 1600, 2000, 2500, WINDOW_FRAMES)  # so that windows share batches
SURE_LOGPROB = -0.7  # mean log probability under which a short window's text differs from the full one's
SURE_LANGUAGE = 0.8  # probability under which a short window may be taken for another language
STAMP_SLACK = 20  # frames by which a time may lie behind the sound: a tenth of a second is usual


def padded_frames(frames: int) -> int:
    """Return how many frames the encoder hears of a window of `frames`: one of `LENGTHS`."""
    return next(length for length in LENGTHS if length >= min(frames + PADDING_FRAMES, WINDOW_FRAMES))


def is_doubtful(decoded: Decoded, timestamp_begin: int, frames: int) -> bool:
    """Whether to hear the full window: loops, unsure text, no time at the end or one behind the sound.

    `frames` is the length of the sound without padding.
    """
    if decoded.compression_ratio > COMPRESSION_RATIO_THRESHOLD or decoded.avg_logprob < SURE_LOGPROB:
        return True
    tokens = decoded.tokens
    if not tokens or tokens[-1] < timestamp_begin:
        return True
    stamps = [(token - timestamp_begin) * FRAMES_PER_STAMP for token in tokens if token >= timestamp_begin]
    return max(stamps) > frames + STAMP_SLACK
