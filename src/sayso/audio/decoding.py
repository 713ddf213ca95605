"""Uploaded bytes to decoded sound, in other processes and in memory only. Imports nothing of FFmpeg."""

import asyncio
import logging
import mmap
import os
import signal

from sayso.audio.decode_place import DecodePlace
from sayso.audio.decode_wire import Decoded, Ended, Order, Refusal
from sayso.audio.sniffing import sniff
from sayso.core.speech import BYTES_PER_SAMPLE, SAMPLE_RATE, Audio
from sayso.errors import AudioRejected

MAX_AUDIO_SECONDS = 4 * 3600
MIN_SAMPLES = SAMPLE_RATE // 10
_COPY_BYTES = 4 << 20  # about a millisecond of the event loop
_MIB = 1 << 20

_log = logging.getLogger(__name__)


class AudioDecoder:
    """Decodes uploads in processes of its own.

    At most `concurrency` at a time, by default one for each CPU; `queue_depth` more wait. Those that are
    decoded on cores of their own have a server process there and wait for each other alone, one at a time
    for each core; with `yielding` all others let the gateway, which answers for these too, go first. A file
    is refused when it holds more than `max_audio_seconds` of sound, or takes longer than 5 seconds of CPU
    time and 2 more for every MiB, or longer than `timeout_seconds` by the clock. The samples of one hour
    take 115 MB.
    """

    def __init__(
        self,
        *,
        max_audio_seconds: int = MAX_AUDIO_SECONDS,
        concurrency: int | None = None,
        queue_depth: int = 64,
        cores: tuple[int, ...] = (),
        yielding: bool = False,
        timeout_seconds: float = 120.0,
    ) -> None:
        self._max_audio_seconds = max_audio_seconds
        self._queue_depth = queue_depth
        self._timeout_seconds = timeout_seconds
        most = concurrency or len(os.sched_getaffinity(0))
        self._place = DecodePlace(cores, most, queue_depth, yielding=yielding)
        self._own: dict[tuple[int, ...], DecodePlace] = {}

    def server_pid(self, cores: tuple[int, ...] = ()) -> int | None:
        """Return the process id of the server on `cores`, None before it first starts."""
        place = self._own.get(cores) if cores else self._place
        return place.server_pid if place else None

    async def start(self) -> None:
        """Start the server process, a quarter of a second. Raises `EngineUnavailable`."""
        await self._place.start()

    async def close(self) -> None:
        """End the server processes and whatever they decode."""
        for place in (self._place, *self._own.values()):
            await place.close()

    async def decode(self, content: memoryview | bytes | bytearray, cores: tuple[int, ...] = ()) -> Audio:
        """Return the sound in `content`, whatever its container, decoded on `cores` where any are named.

        Raises `AudioRejected` with the reason, `EngineOverloaded` when too many wait, and
        `EngineUnavailable` when the decoder can not be run. Cancelling ends the work at once.
        """
        view = memoryview(content).cast("B")
        order = Order(
            demuxer=sniff(view),
            max_samples=self._max_audio_seconds * SAMPLE_RATE,
            cpu_seconds=5 + 2 * view.nbytes // _MIB,
        )
        place = await self._place_of(cores)
        async with place.slot():
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    return await self._decode(place, order, view)
            except TimeoutError as error:
                raise self._rejected(Refusal("too_slow")) from error

    async def _place_of(self, cores: tuple[int, ...]) -> DecodePlace:
        if not cores:
            return self._place
        if cores not in self._own:  # no two have a core in common: those that had it before are gone
            gone = [known for known in self._own if not set(known).isdisjoint(cores)]
            left = [self._own.pop(known) for known in gone]
            self._own[cores] = DecodePlace(cores, len(cores), self._queue_depth)
            for place in left:
                await place.close()
        return self._own[cores]

    async def _decode(self, place: DecodePlace, order: Order, view: memoryview) -> Audio:
        source, sink = os.memfd_create("upload"), os.memfd_create("samples")
        try:
            await _copy(view, source)
            match await place.run(order, source, sink):
                case Decoded(samples=samples):
                    return _audio(sink, samples)
                case Refusal() as refusal:
                    raise self._rejected(refusal)
                case Ended(status=status) if status == -signal.SIGXCPU:
                    raise self._rejected(Refusal("too_slow"))
                case Ended(status=status) if status == -signal.SIGKILL:  # by the system, for memory
                    raise self._rejected(Refusal("too_large"))
                case Ended(status=status):
                    _log.warning("an audio decoder ended with status %d", status)
                    raise self._rejected(Refusal("undecodable"))
        finally:
            os.close(source)
            os.close(sink)

    def _rejected(self, refusal: Refusal) -> AudioRejected:
        match refusal.reason:
            case "undecodable":
                text = "The audio file could not be decoded or its format is not supported."
            case "no_audio":
                text = "The file has no audio track."
            case "too_long":
                text = f"The audio is longer than the limit of {self._max_audio_seconds} seconds."
            case "too_slow":
                text = "The audio file takes longer to decode than is allowed."
            case "too_large":
                text = "The audio file takes more memory to decode than is allowed."
            case "channels":
                text = (
                    f"The audio's {refusal.detail} channels can not be mixed into one: send mono or stereo."
                )
            case "sample_rate":
                text = f"The audio's sample rate of {refusal.detail} Hz is not supported."
            case "codec":
                text = f"The audio codec '{refusal.detail[:32]}' is not supported."
        return AudioRejected(text)


async def _copy(view: memoryview, descriptor: int) -> None:
    """Write `view` to a memory file, letting other tasks run in between."""
    for start in range(0, view.nbytes, _COPY_BYTES):
        if start:
            await asyncio.sleep(0)
        chunk = view[start : start + _COPY_BYTES]
        while chunk.nbytes:
            chunk = chunk[os.write(descriptor, chunk) :]


def _audio(sink: int, samples: int) -> Audio:
    """Map what a child wrote. The child is gone, so nothing can shorten the file beneath the mapping."""
    if samples < MIN_SAMPLES:
        raise AudioRejected(
            "Audio file is too short. Minimum audio length is 0.1 seconds.",
            param="file",
            code="audio_too_short",
        )
    return Audio(memoryview(mmap.mmap(sink, samples * BYTES_PER_SAMPLE, access=mmap.ACCESS_READ)))
