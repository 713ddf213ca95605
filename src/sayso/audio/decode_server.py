"""The process that forks a child for every file: `python -m sayso.audio.decode_server FD HOW [CORE ...]`.

Loading FFmpeg takes a quarter of a second, forking a process that has it loaded a millisecond. FD is a
SOCK_SEQPACKET socket. Each datagram on it is an `Order` with three descriptors: the job's own socket, the
file, and a place for the samples. On the job's socket the child answers `Decoded` or `Refusal`, and this
process adds `Ended` once the child is reaped. Closing the job's socket kills the child; closing FD ends
this process and all its children. HOW says whether they let others go first, and CORE where they stay. The
server itself never reads a byte of a file.
"""

import contextlib
import gc
import os
import select
import signal
import socket
import sys
from dataclasses import dataclass

from sayso.audio import decode_child, pcm
from sayso.audio.decode_wire import MESSAGE_BYTES, YIELDING, Ended, NotStarted, Order, encode, parse
from sayso.core.core_dumps import write_no_core_dump
from sayso.core.cores import stay_on
from sayso.core.priority import let_others_go_first
from sayso.core.time_slice import take_turns_as_usual

READY = b"ready"
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_NOBODY = 65_534


@dataclass(frozen=True, slots=True)
class _Child:
    pid: int
    pidfd: int
    job: socket.socket


class DecodeServer:
    """A single-threaded loop over one control socket and the children's ends."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: dict[int, _Child] = {}  # by pidfd, and again by the job's descriptor
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def serve(self) -> None:
        """Run until the control socket's other end closes."""
        control = self._control.fileno()
        while True:
            events = dict(self._poll.poll())
            asked = events.pop(control, 0)
            for descriptor in events:  # before new descriptors are made, which may get an old one's number
                self._see_to(descriptor)
            if asked and not self._accept():
                return

    def _accept(self) -> bool:
        datagram, descriptors, _, _ = socket.recv_fds(self._control, MESSAGE_BYTES, 3)
        if not datagram:
            return False
        order = parse(datagram)
        assert isinstance(order, Order)
        job_fd, source, sink = descriptors
        job = socket.socket(fileno=job_fd)
        self._fork(order, job, source, sink)
        os.close(source)
        os.close(sink)
        return True

    def _fork(self, order: Order, job: socket.socket, source: int, sink: int) -> None:
        server = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            _tell(job, NotStarted(error.errno or 0))
            job.close()
            return
        if pid == 0:
            decode_child.run(order, job, source, sink, server)
        child = _Child(pid, os.pidfd_open(pid), job)
        self._children[child.pidfd] = self._children[job.fileno()] = child
        self._poll.register(child.pidfd, select.POLLIN)
        self._poll.register(job, 0)  # hang-ups are always reported

    def _see_to(self, descriptor: int) -> None:
        child = self._children.get(descriptor)
        if child is None:
            return
        if descriptor == child.pidfd:
            self._bury(child)
        else:
            os.kill(child.pid, signal.SIGKILL)
            self._poll.unregister(child.job)
            del self._children[descriptor]

    def _bury(self, child: _Child) -> None:
        _, status = os.waitpid(child.pid, 0)
        _tell(child.job, Ended(os.waitstatus_to_exitcode(status)))
        del self._children[child.pidfd]
        self._poll.unregister(child.pidfd)
        os.close(child.pidfd)
        if self._children.pop(child.job.fileno(), None) is not None:
            self._poll.unregister(child.job)
        child.job.close()


def _tell(job: socket.socket, message: Ended | NotStarted) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # nobody waits any more
        job.send(encode(message))


def _renounce() -> None:
    """Give up the network and root, as far as the system allows."""
    libc = decode_child.libc
    if libc.unshare(_CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    if os.geteuid() == 0:
        with contextlib.suppress(PermissionError, OSError):
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)


def main() -> None:
    """Serve the socket whose descriptor is the first argument, as the others say."""
    write_no_core_dump()
    control = socket.socket(fileno=int(sys.argv[1]))
    take_turns_as_usual()
    if sys.argv[2] == YIELDING:
        let_others_go_first()
    stay_on([int(core) for core in sys.argv[3:]])
    pcm.warm_up()
    _renounce()
    gc.collect()
    gc.freeze()
    control.send(READY)
    DecodeServer(control).serve()


if __name__ == "__main__":
    main()
