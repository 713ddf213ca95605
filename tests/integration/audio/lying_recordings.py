"""Recordings whose containers say nothing or the wrong thing about their length, and how long they are.

The true length never comes from the decoder under test: it is the number of samples that were written or,
where a codec pads and the container does not say by how much, a count of frames or an Ogg page's position.
"""

import io
import random
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import av
import numpy as np

from sayso.audio.mpeg_frames import FrameLength, adts_frame, mpeg_audio_frame
from tests.integration.audio.made_recordings import FRAGMENTED, encode, wav

LENGTHS = (0.37, 1.0, 2.73)  # seconds
GARBAGE_SECONDS = 3.0
BARE_MP3 = {"id3v2_version": "0", "write_xing": "0"}
VARIABLE = {"flags": "+qscale", "global_quality": "472"}  # LAME's V4


@dataclass(frozen=True, slots=True)
class Recording:
    """A file and how long its sound really is, in seconds."""

    name: str
    content: bytes
    seconds: float


def lying_recordings() -> Iterator[Recording]:
    """Make all of them, each kind in three lengths."""
    for seconds in LENGTHS:
        for kind in (_waves, _mp3, _aac, _mpeg4, _ogg, _webm, _flac, _several_streams, _transports):
            yield from kind(seconds)


def _sound(seconds: float, rate: int) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    """Silence, then a tone, then noise, then a tone: what makes a variable bit rate vary."""
    count = int(seconds * rate)
    samples = np.sin(np.arange(count) * (2 * np.pi * 440 / rate)) * 9_000
    samples[: count // 6] = 0
    samples[count // 3 : count // 2] = np.random.default_rng(7).normal(0, 5_000, count // 2 - count // 3)
    shaped: np.ndarray[tuple[int], np.dtype[np.int16]] = samples.clip(-32_000, 32_000).astype(np.int16)
    return shaped


def _encoded(
    container: str,
    tracks: Sequence[tuple[str, int, float]],
    *,
    options: dict[str, str] | None = None,
    coder: dict[str, str] | None = None,
    layout: str = "mono",
) -> bytes:
    """Encode sound into each of `tracks`: codec, rate in Hz, length in seconds."""
    out = io.BytesIO()
    with av.open(out, "w", format=container, options=options or {}) as target:
        streams = [target.add_stream(codec, rate=rate) for codec, rate, _ in tracks]
        for stream in streams:
            stream.layout = layout
            stream.codec_context.options = {"strict": "experimental"} | (coder or {})
        for stream, (_, rate, seconds) in zip(streams, tracks, strict=True):
            mono = _sound(seconds, rate)
            frame = av.AudioFrame.from_ndarray(
                np.repeat(mono, stream.layout.nb_channels).reshape(1, -1), format="s16", layout=layout
            )
            frame.sample_rate, frame.pts = rate, 0
            target.mux(stream.encode(frame))
            target.mux(stream.encode(None))
    return out.getvalue()


def _written(seconds: float, rate: int) -> float:
    return int(seconds * rate) / rate


def _garbage(like: bytes, seconds: float) -> dict[str, bytes]:
    """Bytes that are no sound, as much as three seconds of `like`."""
    size = int(len(like) / seconds * GARBAGE_SECONDS)
    return {
        "zeros": bytes(size),
        "text": (b"this is no sound, " * size)[:size],
        "noise": random.Random(11).randbytes(size),
    }


def _waves(seconds: float) -> Iterator[Recording]:
    for rate in (8_000, 16_000, 44_100):
        payload = _sound(seconds, rate).tobytes()
        whole, true = wav(payload, rate=rate), _written(seconds, rate)
        for claim, size in (("endless", 0xFFFF_FFFF), ("nothing", 0), ("double", 2 * len(payload))):
            yield Recording(f"{claim} {rate} {seconds}.wav", _patched(whole, b"data", 4, "<I", size), true)
        # What lies behind the claimed end is another chunk: it is not heard, so it is not billed.
        half = len(payload) // 4 * 2
        claimed = _patched(whole, b"data", 4, "<I", half)
        yield Recording(f"half {rate} {seconds}.wav", claimed, half / 2 / rate)
        tail = b"LIST" + struct.pack("<I", 4 * rate) + bytes(4 * rate)
        yield Recording(f"tail {rate} {seconds}.wav", whole + tail, true)


def _patched(whole: bytes, after: bytes, skip: int, form: str, value: float) -> bytes:
    """Overwrite the number that stands `skip` bytes after the start of `after`."""
    at = whole.index(after) + skip
    return whole[:at] + struct.pack(form, value) + whole[at + struct.calcsize(form) :]


def _mp3(seconds: float) -> Iterator[Recording]:
    for rate in (16_000, 44_100):
        tagged = _encoded("mp3", [("libmp3lame", rate, seconds)], coder=VARIABLE)
        yield Recording(f"tagged {rate} {seconds}.mp3", tagged, _written(seconds, rate))
        for layout in ("mono", "stereo"):
            bare = _encoded(
                "mp3", [("libmp3lame", rate, seconds)], options=BARE_MP3, coder=VARIABLE, layout=layout
            )
            yield Recording(f"vbr {layout} {rate} {seconds}.mp3", bare, _mpeg_seconds(bare))
        for kind, tail in _garbage(bare, seconds).items():
            yield Recording(f"{kind} behind {rate} {seconds}.mp3", bare + tail, _mpeg_seconds(bare))
        tagged_end = bare + b"TAG" + bytes(125)
        yield Recording(f"id3v1 {rate} {seconds}.mp3", tagged_end, _mpeg_seconds(bare))
        yield Recording(f"twice {rate} {seconds}.mp3", bare + bare, 2 * _mpeg_seconds(bare))


def _mpeg_seconds(content: bytes) -> float:
    """Add up MPEG layer III frames: 1152 samples, of MPEG-2 half as many."""
    rate = {1: (44_100, 48_000, 32_000), 0: (22_050, 24_000, 16_000)}[content[1] >> 3 & 1]
    samples = 1152 if content[1] >> 3 & 1 or content[1] >> 1 & 3 != 1 else 576
    return _frames(content, mpeg_audio_frame) * samples / rate[content[2] >> 2 & 3]


def _frames(content: bytes, frame: FrameLength) -> int:
    view, at, count = memoryview(content), 0, 0
    while header := frame(view, at):
        at, count = at + header[0], count + 1
    return count


def _aac(seconds: float) -> Iterator[Recording]:
    for rate in (16_000, 44_100):
        whole = _encoded("adts", [("aac", rate, seconds)])
        true = _frames(whole, adts_frame) * 1024 / rate
        yield Recording(f"{rate} {seconds}.aac", whole, true)
        for kind in ("zeros", "text"):
            yield Recording(
                f"{kind} behind {rate} {seconds}.aac", whole + _garbage(whole, seconds)[kind], true
            )


def _mpeg4(seconds: float) -> Iterator[Recording]:
    for rate in (16_000, 44_100):
        whole = _encoded("ipod", [("aac", rate, seconds)])
        true = _mpeg4_seconds(whole, rate)
        yield Recording(f"{rate} {seconds}.m4a", whole, true)
        for box in (b"mvhd", b"mdhd"):  # version 0: times, time scale, then duration
            lie = _patched(whole, box, 20, ">I", 900_000)
            yield Recording(f"{box.decode()} {rate} {seconds}.m4a", lie, true)
        yield Recording(f"zeros behind {rate} {seconds}.m4a", whole + bytes(3 * rate), true)
        pieces = _encoded("mp4", [("aac", rate, seconds)], options=FRAGMENTED)
        frames = sum(_sample_counts(pieces, b"trun", 8))
        yield Recording(f"fragmented {rate} {seconds}.mp4", pieces, frames * 1024 / rate)
        lossless = _encoded("ipod", [("alac", rate, seconds)])
        yield Recording(f"alac {rate} {seconds}.m4a", lossless, _written(seconds, rate))


def _mpeg4_seconds(content: bytes, rate: int) -> float:
    """Count the coded frames of 1024 samples, less the encoder's delay as the edit list tells it."""
    (frames,) = _sample_counts(content, b"stsz", 12)
    at = content.index(b"elst") + 12  # version and flags, count; then duration, media time
    (media_time,) = struct.unpack_from(">i", content, at + 4)
    samples: int = frames * 1024 - max(0, media_time)
    return samples / rate


def _sample_counts(content: bytes, box: bytes, skip: int) -> Iterator[int]:
    at = content.find(box)
    while at >= 0:
        yield struct.unpack_from(">I", content, at + skip)[0]
        at = content.find(box, at + 1)


def _ogg(seconds: float) -> Iterator[Recording]:
    opus = _encoded("ogg", [("libopus", 48_000, seconds)])
    (skip,) = struct.unpack_from("<H", opus, opus.index(b"OpusHead") + 10)
    yield Recording(f"{seconds}.opus.ogg", opus, (_last_position(opus) - skip) / 48_000)
    yield Recording(
        f"zeros behind {seconds}.opus.ogg", opus + bytes(30_000), (_last_position(opus) - skip) / 48_000
    )
    yield vorbis_recording(44_100, seconds)
    flac = _encoded("ogg", [("flac", 48_000, seconds)])
    yield Recording(f"{seconds}.flac.ogg", flac, _written(seconds, 48_000))


def vorbis_recording(rate: int, seconds: float) -> Recording:
    """Make an Ogg Vorbis file in stereo; one of less than about a second fits one page."""
    vorbis = _encoded("ogg", [("vorbis", rate, seconds)], layout="stereo")
    return Recording(f"{rate} {seconds}.vorbis.ogg", vorbis, _last_position(vorbis) / rate)


def _last_position(content: bytes) -> int:
    """Return the granule position of the last Ogg page."""
    position: int = struct.unpack_from("<q", content, content.rindex(b"OggS") + 6)[0]
    return position


def _webm(seconds: float) -> Iterator[Recording]:
    for rate in (16_000, 48_000):
        live = _encoded("webm", [("libopus", rate, seconds)], options={"live": "1"})
        assert b"\x44\x89\x88" not in live, "a live recording carries no duration"
        yield Recording(f"live {rate} {seconds}.webm", live, _written(seconds, rate))
        whole = _encoded("webm", [("libopus", rate, seconds)])
        for claim in (0.0, 900_000.0):  # milliseconds
            lie = _patched(whole, b"\x44\x89\x88", 3, ">d", claim)
            yield Recording(f"claims {claim} {rate} {seconds}.webm", lie, _written(seconds, rate))


def _flac(seconds: float) -> Iterator[Recording]:
    for rate in (16_000, 44_100):
        whole = _encoded("flac", [("flac", rate, seconds)])
        true = _written(seconds, rate)
        yield Recording(f"{rate} {seconds}.flac", whole, true)
        for claim in (0, 900 * rate):  # STREAMINFO ends with 36 bits of sample count
            (high,) = struct.unpack_from(">Q", whole, 18)
            lie = whole[:18] + struct.pack(">Q", high >> 36 << 36 | claim) + whole[26:]
            yield Recording(f"claims {claim} {rate} {seconds}.flac", lie, true)
        yield Recording(f"zeros behind {rate} {seconds}.flac", whole + bytes(30_000), true)


def _several_streams(seconds: float) -> Iterator[Recording]:
    """The first sound is heard, whatever else a file holds and however long that is."""
    other = seconds + 2
    for container in ("matroska", "mov"):
        two = _encoded(container, [("pcm_s16le", 16_000, seconds), ("pcm_s16le", 44_100, other)])
        yield Recording(f"two {seconds}.{container}", two, _written(seconds, 16_000))
        short = _encoded(container, [("pcm_s16le", 16_000, other), ("pcm_s16le", 16_000, seconds)])
        yield Recording(f"two, the second shorter {seconds}.{container}", short, _written(other, 16_000))
    film = encode("matroska", "flac", rate=48_000, seconds=seconds, video="mpeg4")
    yield Recording(f"film {seconds}.mkv", film, _written(seconds, 48_000))


def _transports(seconds: float) -> Iterator[Recording]:
    for container in ("mpegts", "mpeg"):
        whole = _encoded(container, [("mp2", 44_100, seconds)])
        yield Recording(f"mp2 {seconds}.{container}", whole, _mpeg_seconds(_unwrapped(whole, container)))
    aac = _encoded("mpegts", [("aac", 44_100, seconds)])
    frames = _frames(_unwrapped(aac, "mpegts"), adts_frame)
    yield Recording(f"aac {seconds}.mpegts", aac, frames * 1024 / 44_100)


def _unwrapped(content: bytes, container: str) -> bytes:
    with av.open(io.BytesIO(content), format=container) as source:
        return b"".join(bytes(packet) for packet in source.demux(audio=0) if packet.size)
