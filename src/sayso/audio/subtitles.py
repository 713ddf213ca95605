"""SubRip and WebVTT files from segments."""

import re
from collections.abc import Iterator, Sequence

from sayso.core.speech import Segment

_LINE_BREAKS = re.compile(r"\s*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\s*")
_ARROW = re.compile("-{2,}>")


def srt(segments: Sequence[Segment]) -> str:
    """Write SubRip: numbered cues, each followed by an empty line."""
    cues = enumerate(_cues(segments, mark=","), start=1)
    return "".join(f"{number}\n{times}\n{text}\n\n" for number, (times, text) in cues)


def vtt(segments: Sequence[Segment]) -> str:
    """Write WebVTT; `&` and `<` are escaped, as its cue text has markup."""
    cues = _cues(segments, mark=".")
    escaped = ((times, text.replace("&", "&amp;").replace("<", "&lt;")) for times, text in cues)
    return "WEBVTT\n\n" + "".join(f"{times}\n{text}\n\n" for times, text in escaped)


def _cues(segments: Sequence[Segment], mark: str) -> Iterator[tuple[str, str]]:
    for segment in segments:
        text = _line(segment.text)
        if text:  # a cue without text would end in the middle, at its empty line
            yield f"{_clock(segment.start, mark)} --> {_clock(max(segment.start, segment.end), mark)}", text


def _line(text: str) -> str:
    """Join lines, and spoil the arrow that separates a cue's times."""
    return _ARROW.sub("->", _LINE_BREAKS.sub(" ", text).strip())


def _clock(seconds: float, mark: str) -> str:
    """Write hours, minutes and seconds with `mark` before the milliseconds."""
    total, milliseconds = divmod(max(0, round(seconds * 1000)), 1000)
    minutes, second = divmod(total, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02d}:{minute:02d}:{second:02d}{mark}{milliseconds:03d}"
