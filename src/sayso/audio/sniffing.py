"""Which container a file is, read from its first bytes: file names and MIME types lie."""

from sayso.audio.mpeg_frames import adts_frame, has_frames, mpeg_audio_frame
from sayso.errors import AudioRejected

SUPPORTED_FORMATS = ("flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm")

_W64_RIFF = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
_ISO_BOXES = (b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"wide", b"free", b"skip", b"pnot")
_TS_PACKET = 188


def sniff(content: memoryview) -> str:
    """Return the name of the FFmpeg demuxer for `content`.

    Only containers of sound and film are ever named: playlists, scripts and images, which could make a
    demuxer open something else, are not. Raises `AudioRejected`.
    """
    name = _by_magic(content) or _by_frames(content)
    if name is None:
        raise AudioRejected(f"Invalid file format. Supported formats: {list(SUPPORTED_FORMATS)}")
    return name


def _by_magic(content: memoryview) -> str | None:
    head = bytes(content[:16])
    match head[:4], head[8:12]:
        case (b"RIFF" | b"RIFX" | b"RF64" | b"BW64", b"WAVE"):
            return "wav"
        case (b"FORM", b"AIFF" | b"AIFC"):
            return "aiff"
        case (b"\x1aE\xdf\xa3", _):
            return "matroska"
        case (b"OggS", _):
            return "ogg"
        case (b"fLaC", _):
            return "flac"
        case (b"\x00\x00\x01\xba", _):
            return "mpeg"
        case _ if head == _W64_RIFF:
            return "w64"
        case _ if head[4:8] in _ISO_BOXES:
            return "mov"
        case _:
            return None


def _by_frames(content: memoryview) -> str | None:
    start = _after_id3(content)
    body = content[start:]
    if bytes(body[:4]) == b"fLaC":
        return "flac"
    if len(content) > 2 * _TS_PACKET and all(content[n * _TS_PACKET] == 0x47 for n in range(3)):
        return "mpegts"
    if has_frames(body, adts_frame):
        return "aac"
    if start or has_frames(body, mpeg_audio_frame):  # some writers get the tag's size wrong: trust the tag
        return "mp3"
    return None


def _after_id3(content: memoryview) -> int:
    """Return the offset behind any ID3v2 tags: 10 bytes of header, then a size in 4 × 7 bits."""
    at = 0
    while bytes(content[at : at + 3]) == b"ID3" and len(content) >= at + 10:
        flags, size = content[at + 5], bytes(content[at + 6 : at + 10])
        length = size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3]
        at += 10 + length + (10 if flags & 0x10 else 0)
    return at
