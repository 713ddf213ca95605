"""One file's decoder: a forked child that bounds itself, decodes, says how it went and is gone."""

import ctypes
import os
import resource
import signal
import socket
import sys
import traceback
from pathlib import Path

from sayso.audio import pcm
from sayso.audio.decode_wire import Decoded, Order, Refusal, encode
from sayso.core.speech import BYTES_PER_SAMPLE

_ROOM = 512 << 20  # bytes of address space beyond what the server and the file itself take
_PR_SET_PDEATHSIG = 1
_FAULT = 70  # exit status of a decoder that failed in a way nobody foresaw

libc = ctypes.CDLL(None, use_errno=True)


def run(order: Order, job: socket.socket, source: int, sink: int, server: int) -> None:
    """Decode descriptor `source` into descriptor `sink`, tell `job`, and end the process.

    `server` is the process that forked this one; without it there is nobody left to decode for.
    """
    status = _FAULT
    try:
        size = os.fstat(source).st_size
        _close_all_but(job.fileno(), source, sink)
        _bound(order, size, server)
        job.send(encode(_verdict(order, os.pread(source, size, 0), sink)))
        status = 0
    except BaseException as error:  # noqa: BLE001 - told to the operator without its message, which may quote the file
        sys.stderr.write(f"audio decoder: {type(error).__name__}\n")
        traceback.print_tb(error.__traceback__)
        sys.stderr.flush()
    finally:
        os._exit(status)


def _verdict(order: Order, content: bytes, sink: int) -> Decoded | Refusal:
    written = 0
    try:
        for block in pcm.decode(content, order.demuxer, order.max_samples):
            written += _write(sink, block)
    except pcm.Refused as refused:
        return refused.refusal
    except MemoryError:
        return Refusal("too_large")
    return Decoded(written // BYTES_PER_SAMPLE)


def _write(sink: int, block: memoryview) -> int:
    at = 0
    while at < len(block):
        at += os.write(sink, block[at:])
    return at


def _close_all_but(*keep: int) -> None:
    low = 3
    for descriptor in sorted(keep):
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _bound(order: Order, size: int, server: int) -> None:
    """Set hard limits. Without room for one more descriptor no file and no socket can be opened."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    room = pages * resource.getpagesize() + size + _ROOM
    output = (order.max_samples + pcm.LARGEST_BLOCK) * BYTES_PER_SAMPLE
    resource.setrlimit(resource.RLIMIT_CPU, (order.cpu_seconds, order.cpu_seconds + 1))  # SIGXCPU, SIGKILL
    for limit, value in (
        (resource.RLIMIT_AS, room),
        (resource.RLIMIT_FSIZE, output),
        (resource.RLIMIT_NOFILE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != server:
        os._exit(_FAULT)
