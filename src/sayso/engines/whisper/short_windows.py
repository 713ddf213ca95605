"""Windows shorter than the 30 s that Whisper was trained on, and when what was written about one is in doubt.

The encoder's cost grows faster than a window's length, and most clips are a few seconds long. A window of
10 s or more is written down as well as the full one; below that the decoder falls into loops. A short window
is written down once, and in doubt a longer one has the last word.
"""

from sayso.engines.whisper.features import WINDOW_FRAMES
from sayso.engines.whisper.hearing import LOG_PROB_THRESHOLD, Decoded
from sayso.engines.whisper.windows import FRAMES_PER_STAMP, STAMP_SLACK

PADDING_FRAMES = 100  # of silence behind the sound at least; with none the decoder finds no end and loops
LENGTHS = (1000, 1300, 1600, 2000, 2500, WINDOW_FRAMES)  # so that windows share batches
AGAIN_FRAMES = 600  # of silence more, at least, with which a window in doubt is heard again
SURE_LOGPROB = LOG_PROB_THRESHOLD  # mean log probability under which a short window's text is in doubt
SURE_END_LOGPROB = -0.4  # the same where the text has no time at its end: it may break off
SURE_LANGUAGE = 0.5  # probability under which the full window is asked for the language


def padded_frames(frames: int, padding: int = PADDING_FRAMES) -> int:
    """Return how many frames the encoder hears of a window of `frames`: one of `LENGTHS`."""
    return next(length for length in LENGTHS if length >= min(frames + padding, WINDOW_FRAMES))


def longer_frames(padded: int) -> int:
    """Return how many frames the encoder hears of a window in doubt that it first heard as `padded`."""
    return padded_frames(padded, AGAIN_FRAMES)


def is_doubtful(decoded: Decoded, timestamp_begin: int, frames: int) -> bool:
    """Whether to hear a longer window: loops, unlikely text, an end in doubt, text behind the sound.

    `frames` is the length of the sound without padding.
    """
    tokens = decoded.tokens
    if len(tokens) > 1 and tokens[-1] == tokens[-2] >= timestamp_begin:
        tokens = tokens[:-1]  # the same time twice ends the text as well as once
    stamps = [(token - timestamp_begin) * FRAMES_PER_STAMP for token in tokens if token >= timestamp_begin]
    if decoded.repeats or not stamps:
        return True
    has_end = tokens[-1] >= timestamp_begin
    if decoded.avg_logprob < (SURE_LOGPROB if has_end else SURE_END_LOGPROB):
        return True
    return max(stamps) > frames + STAMP_SLACK or any(stamp >= frames for stamp in stamps[:-1])
