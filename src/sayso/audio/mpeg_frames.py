"""Frame headers of MPEG audio (MP1, MP2, MP3) and of AAC in ADTS, enough to recognise a stream of them.

Sources: ISO/IEC 11172-3 and 13818-3 (MPEG audio), ISO/IEC 14496-3, 1.A.2 (ADTS).
"""

from collections.abc import Callable
from typing import TypeAlias

FrameLength: TypeAlias = Callable[[memoryview, int], tuple[int, int] | None]
"""From a position to the frame's (length in bytes, signature that all frames of a stream share)."""

SEARCH_BYTES = 16_384  # a recording may begin in the middle of a frame, or behind padding
FRAMES_IN_A_ROW = 3  # chance resemblance over 16 kB of noise is then below one in a million

_KBITS = {
    # (MPEG-1?, layer): kbit/s by the header's four bits; 0 is "free format", not supported
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_HERTZ = (44_100, 48_000, 32_000)  # MPEG-1; halved for MPEG-2, quartered for MPEG-2.5
_VERSION_DIVISOR = {0b11: 1, 0b10: 2, 0b00: 4}


def mpeg_audio_frame(content: memoryview, at: int) -> tuple[int, int] | None:
    """Read the MPEG audio frame header at `at`, or return None if there is none."""
    if at + 4 > len(content):
        return None
    head = int.from_bytes(content[at : at + 4], "big")
    divisor = _VERSION_DIVISOR.get(head >> 19 & 0b11)
    layer = 4 - (head >> 17 & 0b11)
    bitrate, rate, padding = head >> 12 & 0b1111, head >> 10 & 0b11, head >> 9 & 1
    if head >> 21 != 0x7FF or divisor is None or layer == 4 or bitrate in (0, 15) or rate == 3:
        return None
    bits_per_second = _KBITS[divisor == 1, layer][bitrate] * 1000
    hertz = _HERTZ[rate] // divisor
    if layer == 1:
        length = (12 * bits_per_second // hertz + padding) * 4
    else:
        samples = 576 if layer == 3 and divisor > 1 else 1152
        length = samples // 8 * bits_per_second // hertz + padding
    return length, head & 0xFFFE0C00


def adts_frame(content: memoryview, at: int) -> tuple[int, int] | None:
    """Read the ADTS frame header at `at`, or return None if there is none."""
    if at + 7 > len(content):
        return None
    head = int.from_bytes(content[at : at + 7], "big")
    length = head >> 13 & 0x1FFF
    rate = head >> 34 & 0b1111
    if head >> 44 != 0xFFF or head >> 41 & 0b11 or rate > 12 or length < 7:
        return None
    return length, head >> 28


def has_frames(content: memoryview, frame: FrameLength) -> bool:
    """Tell whether frames follow each other somewhere near the beginning of `content`.

    Three in a row; in a shorter stream two, or one, where the last ends exactly at the end of it.
    """
    window = bytes(content[:SEARCH_BYTES])
    at = window.find(0xFF)
    while at >= 0:
        if _run_from(content, frame, at):
            return True
        at = window.find(0xFF, at + 1)
    return False


def _run_from(content: memoryview, frame: FrameLength, at: int) -> bool:
    signature: int | None = None
    for _ in range(FRAMES_IN_A_ROW):
        if signature is not None and at == len(content):
            return True
        header = frame(content, at)
        if header is None or signature not in (None, header[1]):
            return False
        at, signature = at + header[0], header[1]
    return True
