"""The byte patterns under which a text or a sound may lie in a file."""

import base64
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

WINDOW = 64  # bytes of a sound or a file that are looked for together
WINDOWS = 12  # places of it that are looked for
VARIED = 12  # different bytes that a window has at least: silence is found everywhere


@dataclass(frozen=True, slots=True)
class Needle:
    """A pattern that stands for `name`, written in `encoding`."""

    name: str
    encoding: str
    pattern: bytes = field(repr=False)


def text_needles(name: str, text: str) -> list[Needle]:
    """Return a text as UTF-8, UTF-16, JSON (also inside JSON), hex, and base64 at its three offsets."""
    plain = text.encode()
    escaped = json.dumps(text)[1:-1]
    readable = json.dumps(text, ensure_ascii=False)[1:-1]
    found = {
        "utf-8": plain,
        "utf-16-le": text.encode("utf-16-le"),
        "utf-16-be": text.encode("utf-16-be"),
        "json": escaped.encode(),
        "json utf-8": readable.encode(),
        "json in json": json.dumps(escaped)[1:-1].encode(),
        "hex": plain.hex().encode(),
        "hex upper": plain.hex().upper().encode(),
        **dict(_base64(plain)),
    }
    unique = {pattern: encoding for encoding, pattern in reversed(found.items())}
    return [Needle(name, encoding, pattern) for pattern, encoding in unique.items()]


def bytes_needles(name: str, content: bytes) -> list[Needle]:
    """Return windows of a file or other bytes, as they are and in base64."""
    needles = []
    for window in _windows(content, 1):
        needles += [Needle(name, "bytes", window)]
        needles += [Needle(name, encoding, pattern) for encoding, pattern in _base64(window)]
    return needles


def sound_needles(name: str, samples: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> list[Needle]:
    """Return windows of 16-bit samples, as they are and as 32-bit floats between -1 and 1."""
    needles = [Needle(name, "pcm 16", window) for window in _windows(samples.tobytes(), 2)]
    floats = (samples.astype(np.float32) / 32768.0).tobytes()
    return needles + [Needle(name, "pcm float", window) for window in _windows(floats, 4)]


def _windows(content: bytes, align: int) -> list[bytes]:
    """Return evenly spread windows that are not mere silence; short content whole."""
    if len(content) <= WINDOW:
        return [content]
    step = max((len(content) - WINDOW) // WINDOWS // align * align, align)
    windows = (content[at : at + WINDOW] for at in range(0, len(content) - WINDOW + 1, step))
    return [window for window in windows if len(set(window)) >= VARIED]


def _base64(content: bytes) -> Iterator[tuple[str, bytes]]:
    for before in range(3):
        first, last = math.ceil(before * 4 / 3), (before + len(content)) * 4 // 3
        for encoding, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            yield f"{encoding} +{before}", encode(bytes(before) + content)[first:last]
