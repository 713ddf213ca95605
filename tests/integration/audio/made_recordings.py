"""Small recordings of a 440 Hz tone, made on the spot in every container that PyAV can write."""

import io
import struct
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np

HERTZ = 440.0


def tone(seconds: float, rate: int) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    """A sine at a third of full scale, int16 [seconds × rate]."""
    t = np.arange(int(seconds * rate)) / rate
    return (np.sin(2 * np.pi * HERTZ * t) * 11_000).astype(np.int16)


def encode(
    container: str,
    codec: str,
    *,
    rate: int = 16_000,
    layout: str = "mono",
    seconds: float = 1.0,
    options: dict[str, str] | None = None,
    video: str | None = None,
    bit_rate: int | None = None,
) -> bytes:
    """Encode a tone; `video` adds a track of grey pictures in that codec before the sound."""
    out = io.BytesIO()
    with av.open(out, "w", format=container, options=options or {}) as target:
        pictures = target.add_stream(video, rate=10) if video else None
        sound = target.add_stream(codec, rate=rate) if codec else None
        if sound:
            sound.layout = layout
            if bit_rate:
                sound.bit_rate = bit_rate
            sound.codec_context.options = {"strict": "experimental"}
        if pictures:
            _write_grey(target, pictures, seconds)
        if sound:
            _write_tone(target, sound, seconds)
    return out.getvalue()


def _write_tone(target: "av.container.OutputContainer", stream: "av.AudioStream", seconds: float) -> None:
    mono = tone(seconds, stream.rate)
    for start in range(0, len(mono), 4096):
        block = np.repeat(mono[start : start + 4096], stream.layout.nb_channels).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, format="s16", layout=stream.layout)
        frame.sample_rate, frame.pts = stream.rate, start
        target.mux(stream.encode(frame))
    target.mux(stream.encode(None))


def _write_grey(target: "av.container.OutputContainer", stream: "av.VideoStream", seconds: float) -> None:
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    picture = np.full((48, 64, 3), 128, np.uint8)
    for number in range(int(seconds * 10)):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, 10)
        target.mux(stream.encode(frame))
    target.mux(stream.encode(None))


def long_opus(hours: float, container: str = "ogg") -> bytes:
    """Opus at 6 kbit/s: one second's packets over and over."""
    with av.open(io.BytesIO(encode("ogg", "libopus", rate=48_000, bit_rate=6_000))) as one:
        packets = [bytes(packet) for packet in one.demux(audio=0) if packet.size]
    out = io.BytesIO()
    with av.open(out, "w", format=container, options={"live": "1"} if container == "webm" else {}) as target:
        stream = target.add_stream("libopus", rate=48_000)
        stream.layout = "mono"
        stream.codec_context.open()
        for number in range(int(hours * 3600 * 50)):
            packet = av.Packet(packets[1 + number % (len(packets) - 2)])
            packet.stream, packet.time_base = stream, Fraction(1, 48_000)
            packet.pts = packet.dts = number * 960
            packet.duration = 960
            target.mux(packet)
    return out.getvalue()


def silent_flac(minutes: int) -> bytes:
    """Digital silence, which FLAC packs into a dozen bytes for half a second."""
    out = io.BytesIO()
    with av.open(out, "w", format="flac") as target:
        stream = target.add_stream("flac", rate=8_000)
        stream.layout = "mono"
        block = np.zeros((1, 8_000), np.int16)
        for number in range(minutes * 60):
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 8_000, number * 8_000
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return out.getvalue()


def wav(payload: bytes, *, tag: int = 1, channels: int = 1, rate: int = 16_000, bits: int = 16) -> bytes:
    """A WAV file around raw samples; `tag` 1 is integer PCM, 3 floating point."""
    align = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, min(rate * align, 2**32 - 1), align, bits)
    chunks = (
        b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(payload)) + payload
    )
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "200000"}

RECORDINGS: dict[str, Callable[[], bytes]] = {
    "adts.aac": lambda: encode("adts", "aac", rate=44_100),
    "aiff": lambda: encode("aiff", "pcm_s16be"),
    "flac": lambda: encode("flac", "flac", rate=48_000),
    "fragmented.mp4": lambda: encode("mp4", "aac", rate=48_000, options=FRAGMENTED),
    "live.webm": lambda: encode("webm", "libopus", rate=48_000, options={"live": "1"}),
    "m4a": lambda: encode("ipod", "aac", rate=44_100, layout="stereo"),
    "alac.m4a": lambda: encode("ipod", "alac", rate=44_100),
    "mkv": lambda: encode("matroska", "flac", rate=48_000),
    "mov": lambda: encode("mov", "pcm_s16le", rate=48_000),
    "mp2.mpga": lambda: encode("mp2", "mp2", rate=32_000),
    "mp3": lambda: encode("mp3", "libmp3lame", rate=44_100),
    "bare.mp3": lambda: encode("mp3", "libmp3lame", options={"id3v2_version": "0", "write_xing": "0"}),
    "opus.mp4": lambda: encode("mp4", "libopus", rate=48_000),
    "flac.ogg": lambda: encode("ogg", "flac", rate=48_000),
    "opus.ogg": lambda: encode(
        "ogg", "libopus", rate=48_000, layout="stereo", options={"page_duration": "100000"}
    ),
    "vorbis.ogg": lambda: encode("ogg", "vorbis", rate=44_100, layout="stereo"),
    "program.mpeg": lambda: encode("mpeg", "mp2", rate=44_100),
    "transport.mpeg": lambda: encode("mpegts", "mp2", rate=44_100),
    "transport_aac.mpeg": lambda: encode("mpegts", "aac", rate=44_100),
    "video.mp4": lambda: encode("mp4", "aac", rate=44_100, video="mpeg4"),
    "video.webm": lambda: encode("webm", "libopus", rate=48_000, video="libvpx"),
    "a-law.wav": lambda: encode("wav", "pcm_alaw", rate=8_000),
    "adpcm.wav": lambda: encode("wav", "adpcm_ima_wav", rate=22_050),
    "float.wav": lambda: encode("wav", "pcm_f32le", rate=48_000, layout="stereo"),
    "rf64.wav": lambda: encode("wav", "pcm_s16le", options={"rf64": "always"}),
    "w64": lambda: encode("w64", "pcm_s16le"),
    "wav": lambda: encode("wav", "pcm_s16le"),
    "wide.wav": lambda: encode("wav", "pcm_s24le", rate=96_000, layout="5.1"),
    "webm": lambda: encode("webm", "libopus", rate=48_000),
    "vorbis.webm": lambda: encode("webm", "vorbis", rate=44_100, layout="stereo"),
}
