"""Uploaded bytes to decoded sound, in other processes and in memory only. Imports nothing of FFmpeg."""

import asyncio
import contextlib
import logging
import mmap
import os
import signal
from collections.abc import AsyncGenerator

from sayso.audio.decode_process import DecodeProcess, ServerGone
from sayso.audio.decode_wire import Decoded, Ended, Order, Refusal
from sayso.audio.sniffing import sniff
from sayso.core.speech import BYTES_PER_SAMPLE, SAMPLE_RATE, Audio
from sayso.errors import AudioRejected, EngineOverloaded, EngineUnavailable

MAX_AUDIO_SECONDS = 4 * 3600
MIN_SAMPLES = SAMPLE_RATE // 10
_COPY_BYTES = 4 << 20  # about a millisecond of the event loop
_MIB = 1 << 20

_log = logging.getLogger(__name__)


class _Lane:
    """Who decodes now and who waits, of those that share cores."""

    def __init__(self, concurrency: int, queue_depth: int) -> None:
        self._slots = asyncio.Semaphore(concurrency)
        self._room = queue_depth

    @contextlib.asynccontextmanager
    async def slot(self) -> AsyncGenerator[None, None]:
        if self._slots.locked() and self._room <= 0:
            raise EngineOverloaded("Too many audio files are waiting to be decoded.")
        self._room -= 1
        try:
            await self._slots.acquire()
        finally:
            self._room += 1
        try:
            yield
        finally:
            self._slots.release()


class AudioDecoder:
    """Decodes uploads in processes of its own.

    At most `concurrency` at a time, by default one for each CPU; `queue_depth` more wait. Those that are
    decoded on cores of their own wait for each other alone, one at a time for each core; with `yielding` all
    others let the gateway, which answers for these too, go first. A file is refused
    when it holds more than `max_audio_seconds` of sound, or takes longer than 5 seconds of CPU time and 2
    more for every MiB, or longer than `timeout_seconds` by the clock. The samples of one hour take 115 MB.
    """

    def __init__(
        self,
        *,
        max_audio_seconds: int = MAX_AUDIO_SECONDS,
        concurrency: int | None = None,
        queue_depth: int = 64,
        yielding: bool = False,
        timeout_seconds: float = 120.0,
    ) -> None:
        self._max_audio_seconds = max_audio_seconds
        self._lane = _Lane(concurrency or len(os.sched_getaffinity(0)), queue_depth)
        self._own_lanes: dict[tuple[int, ...], _Lane] = {}
        self._queue_depth = queue_depth
        self._yielding = yielding
        self._timeout_seconds = timeout_seconds
        self._server: DecodeProcess | None = None
        self._starting = asyncio.Lock()
        self._closed = False

    @property
    def server_pid(self) -> int | None:
        """The server's process id, None before it first starts."""
        return self._server.pid if self._server else None

    async def start(self) -> None:
        """Start the server process, a quarter of a second. Raises `EngineUnavailable`."""
        await self._running()

    async def close(self) -> None:
        """End the server process and whatever it decodes."""
        self._closed = True
        async with self._starting:
            if self._server:
                self._server.close()
                self._server = None

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
            cores=cores,
            yields=self._yielding,
        )
        async with self._lane_of(cores).slot():
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    return await self._decode(order, view)
            except TimeoutError as error:
                raise self._rejected(Refusal("too_slow")) from error

    def _lane_of(self, cores: tuple[int, ...]) -> _Lane:
        if not cores:
            return self._lane
        return self._own_lanes.setdefault(cores, _Lane(len(cores), self._queue_depth))

    async def _decode(self, order: Order, view: memoryview) -> Audio:
        source, sink = os.memfd_create("upload"), os.memfd_create("samples")
        try:
            await _copy(view, source)
            match await self._outcome(order, source, sink):
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

    async def _outcome(self, order: Order, source: int, sink: int) -> Decoded | Refusal | Ended:
        for _ in range(2):
            server = await self._running()
            try:
                return await server.run(order, source, sink)
            except ServerGone:
                await self._forget(server)
                os.ftruncate(sink, 0)
                os.lseek(sink, 0, os.SEEK_SET)
        raise EngineUnavailable("The audio decoder is not running.")

    async def _running(self) -> DecodeProcess:
        async with self._starting:
            if self._closed:
                raise EngineUnavailable("The audio decoder is shut down.")
            if self._server is None:
                self._server = await DecodeProcess.start()
            return self._server

    async def _forget(self, server: DecodeProcess) -> None:
        async with self._starting:
            if self._server is server:
                _log.warning("the audio decoder's server process is gone; starting another")
                self._server = None
                server.close()

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
