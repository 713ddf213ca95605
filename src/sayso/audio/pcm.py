"""Sound in any allowed container, decoded to 16 kHz mono s16le. Runs only in the decoder's child process.

The samples are those that faster-whisper's `decode_audio` makes: the same resampler, gaps closed up, no
timestamps. Beyond it, a packet that can not be decoded is left out and what follows it is kept, and a
stream may change its rate or layout midway.
"""

import importlib
import io
import pkgutil
from collections.abc import Iterator
from typing import Any

import av
from av.audio.fifo import AudioFifo
from av.audio.resampler import AudioResampler

from sayso.audio.decode_wire import Refusal, RefusalReason
from sayso.core.speech import BYTES_PER_SAMPLE, SAMPLE_RATE

_CODECS = (
    "aac,aac_latm,ac3,adpcm_g726,adpcm_g726le,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,adpcm_yamaha,alac,amrnb,"
    "amrwb,eac3,flac,gsm,gsm_ms,mp1,mp1float,mp2,mp2float,mp3,mp3float,opus,speex,vorbis,"
    "pcm_alaw,pcm_f32be,pcm_f32le,pcm_f64be,pcm_f64le,pcm_mulaw,pcm_s16be,pcm_s16le,pcm_s24be,pcm_s24le,"
    "pcm_s32be,pcm_s32le,pcm_s64le,pcm_s8,pcm_u16be,pcm_u16le,pcm_u24be,pcm_u24le,pcm_u32be,pcm_u32le,pcm_u8"
)
_OPTIONS = {"codec_whitelist": _CODECS, "protocol_whitelist": "none"}
_PROBING = {"wav": {"max_probe_packets": "0"}}  # else stereo PCM is searched for DTS, 20 ms a file
_RATES = range(1_000, 768_001)  # Hz; below, one input sample becomes too many output samples
_MAX_CHANNELS = 64  # libswresample's SWR_CH_MAX
_SMALL_FILE = 1 << 20  # bytes
_BLOCK_VALUES = 1 << 20  # samples × channels handed to the resampler at once

LARGEST_BLOCK = 1 << 22  # samples; no block that `decode` yields is longer


class Refused(Exception):
    """The file will not be decoded; carries the `Refusal` for the other process."""

    def __init__(self, reason: RefusalReason, detail: int | str = "") -> None:
        super().__init__(reason)
        self.refusal = Refusal(reason, str(detail))


def decode(content: bytes, demuxer: str, max_samples: int) -> Iterator[memoryview]:
    """Yield the samples of the first audio stream in blocks of s16le.

    `demuxer` is FFmpeg's name, from `sniff`. A file that breaks off yields what it holds. Raises
    `Refused` when there is no sound in it, or more than `max_samples`; blocks may have come before.
    """
    samples = 0
    with _checked(content, demuxer, max_samples) as container:
        for block in _resampled(_frames(container, _audio_stream(container))):
            samples += block.nbytes // BYTES_PER_SAMPLE
            if samples > max_samples:
                raise Refused("too_long")
            yield block


def warm_up() -> None:
    """Load all that a child may need, which can open no file, and build the usual codecs' tables once."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in ("aac", "flac", "mp3float", "opus", "pcm_s16le", "vorbis"):
        av.CodecContext.create(name, "r")
    resampler = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    frame = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
    frame.sample_rate = 44_100
    list(_bytes_of(resampler.resample(frame)))


def _open(content: bytes, demuxer: str) -> Any:
    try:
        return av.open(
            io.BytesIO(content),
            format=demuxer,
            options=_OPTIONS | _PROBING.get(demuxer, {}),
            metadata_errors="ignore",
            io_open=_no_other_files,
        )
    except av.error.FFmpegError as error:
        raise Refused("undecodable") from error


def _no_other_files(url: str, flags: int, options: dict[str, str]) -> Any:
    """Refuse every further file that a container names."""
    raise PermissionError


def _audio_stream(container: Any) -> Any:
    if not container.streams.audio:
        raise Refused("no_audio")
    stream = container.streams.audio[0]
    codec = stream.codec_context
    if codec is None or codec.name not in _CODECS.split(","):
        raise Refused("codec", codec.name if codec else "unknown")
    codec.thread_count = 1
    return stream


def _checked(content: bytes, demuxer: str, max_samples: int) -> Any:
    """Open a container, and where it may be long, add up its packets' durations before any is decoded.

    That costs a tenth of decoding. A small file that says it is short is believed: if it lies, the count
    of samples and the bound on CPU time end it soon enough.
    """
    limit = max_samples / SAMPLE_RATE
    container = _open(content, demuxer)
    says = container.duration / av.time_base if container.duration else 0.0
    if len(content) < _SMALL_FILE and says <= limit:
        return container
    with container:
        stream = _audio_stream(container)
        last = int(limit / stream.time_base)
        ticks = 0
        for packet in _packets(container, stream):
            ticks += packet.duration or 0
            if ticks > last:
                raise Refused("too_long")
    return _open(content, demuxer)


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    """Yield packets up to the first fault in the container."""
    try:
        yield from container.demux(stream)
    except av.error.FFmpegError:
        return


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """Yield frames, leaving out packets that are broken, unless all are."""
    any_good = any_broken = False
    for packet in _packets(container, stream):
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            any_broken = True
            continue
        for frame in frames:
            any_good = True
            channels = frame.layout.nb_channels
            if channels > _MAX_CHANNELS:
                raise Refused("channels", channels)
            if frame.sample_rate not in _RATES:
                raise Refused("sample_rate", frame.sample_rate)
            frame.pts = None
            yield frame
    if any_broken and not any_good:
        raise Refused("undecodable")


def _resampled(frames: Iterator[Any]) -> Iterator[memoryview]:
    """Resample runs of frames of equal shape, each run with a resampler of its own."""
    shape: tuple[str, str, int] | None = None
    fifo, resampler = AudioFifo(), AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    block = _BLOCK_VALUES
    for frame in frames:
        now = (frame.format.name, frame.layout.name, frame.sample_rate)
        if now != shape:
            if shape is not None:
                yield from _drained(fifo, resampler)
                fifo, resampler = AudioFifo(), AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
            shape = now
            block = _block_samples(frame)
        fifo.write(frame)
        if fifo.samples >= block:
            yield from _bytes_of(_resample(resampler, fifo.read()))
    if shape is not None:
        yield from _drained(fifo, resampler)


def _block_samples(frame: Any) -> int:
    """Return how many samples to resample at once, so that neither side of it grows large."""
    channels: int = frame.layout.nb_channels
    growth: int = max(1, SAMPLE_RATE // frame.sample_rate)
    return max(1024, _BLOCK_VALUES // (channels * growth))


def _drained(fifo: Any, resampler: Any) -> Iterator[memoryview]:
    if fifo.samples:
        yield from _bytes_of(_resample(resampler, fifo.read()))
    yield from _bytes_of(_resample(resampler, None))


def _resample(resampler: Any, frame: Any) -> list[Any]:
    try:
        frames: list[Any] = resampler.resample(frame)
    except av.error.FFmpegError as error:
        channels = frame.layout.nb_channels if frame is not None else 0
        raise Refused("channels", channels) from error
    return frames


def _bytes_of(frames: list[Any]) -> Iterator[memoryview]:
    for frame in frames:
        yield memoryview(frame.planes[0]).cast("B")[: frame.samples * BYTES_PER_SAMPLE]
