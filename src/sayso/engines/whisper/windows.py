"""Cutting what Whisper wrote about one window at its timestamp tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

FRAMES_PER_STAMP = 2  # a timestamp token counts 20 ms, a frame 10 ms
STAMP_SLACK = 100  # frames by which a time may be off: Whisper likes whole seconds
MIN_ADVANCE = 20  # frames; a model that writes ever smaller steps would be asked for ever


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a window: `start` and `end` in frames from the window's beginning, its tokens."""

    start: int
    end: int
    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WindowCut:
    """A window's pieces; `advance` is in frames; `complete` when nothing in the window is left to hear."""

    pieces: tuple[Piece, ...]
    advance: int
    complete: bool


def cut_window(tokens: Sequence[int], timestamp_begin: int, frames: int, *, whole: bool = False) -> WindowCut:
    """Cut a window of `frames` frames into pieces and find where the next window starts.

    Two timestamps side by side end one piece and begin the next. A last piece that has no end yet is left
    to the next window, which starts at the last pair; after a lone closing timestamp nothing more was
    said, so the next window starts behind this one. This is the method of the Whisper paper, section 3.8.
    The sound of a `whole` window ends in a pause: its last piece is as complete without an end, and less than
    `STAMP_SLACK` behind the last pair is how times are rounded.
    """

    def stamp(token: int) -> int:
        return (token - timestamp_begin) * FRAMES_PER_STAMP

    timed = [token >= timestamp_begin for token in tokens]
    closed = len(tokens) >= 2 and timed[-1] and not timed[-2]
    cuts = [i for i in range(1, len(tokens)) if timed[i] and timed[i - 1]]
    if not cuts:
        stamps = [stamp(token) for token, is_time in zip(tokens, timed, strict=True) if is_time]
        end = stamps[-1] if stamps and stamps[-1] > 0 else frames
        return WindowCut((Piece(0, end, tuple(tokens)),), frames, complete=True)
    if closed:
        cuts.append(len(tokens))
    spans = [tuple(tokens[a:b]) for a, b in zip([0, *cuts[:-1]], cuts, strict=True)]
    pieces = tuple(Piece(stamp(span[0]), stamp(span[-1]), span) for span in spans)
    advance = frames if closed else stamp(tokens[cuts[-1] - 1])
    rest = tuple(tokens[cuts[-1] :])
    if whole and not closed and not all(token >= timestamp_begin for token in rest):
        pieces += (Piece(stamp(rest[0]), frames, rest),)
        closed = True
    if whole and (closed or frames - advance < STAMP_SLACK):
        return WindowCut(pieces, frames, complete=True)
    return WindowCut(pieces, advance if advance >= MIN_ADVANCE else frames, complete=closed)
