"""Everything that a server and all below it write, as the kernel sees it (strace), with where it goes.

What goes to a file on a disk, or by a socket to somewhere else than the client, is collected; memory, pipes
and the unix sockets between the server's own processes are not, for nothing of them reaches a disk.
"""

import re
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psutil

WRITES = ["write", "pwrite64", "writev", "pwritev", "pwritev2", "sendto", "sendmsg"]
UNSEEN = [
    "sendfile",
    "splice",
    "vmsplice",
    "tee",
    "copy_file_range",
    "io_uring_setup",
    "process_vm_writev",
    "sendmmsg",
]
NAMES = [
    *("open", "openat", "openat2", "creat", "mkdir", "mkdirat", "mknod", "mknodat"),
    *("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"),
    *("setxattr", "lsetxattr", "fsetxattr", "execve", "execveat"),
]
CALLS = [*WRITES, *UNSEEN, *NAMES, "connect", "mmap"]
LONGEST = 64 * 1024 * 1024  # bytes of one call that are shown
IN_MEMORY = {"tmpfs", "ramfs", "devtmpfs", "devpts", "proc", "sysfs", "cgroup2", "mqueue", "hugetlbfs"}
NOBODY = {"AF_UNIX /var/run/nscd/socket"}  # where the C library asks for names, should somebody be there
NEVER_ON_DISK = ("pipe:", "socket:", "anon_inode:", "/memfd:", "UNIX", "NETLINK")

_CALL = re.compile(r"^(?:\d+ +)?(\w+)\((?:\w+|-1)?(?:<((?:->|[^<>]|<[^<>]*>)*)>)?")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_FLAGS = re.compile(r"flags=([^,]*)")
_PATH = re.compile(r"<((?:\\x[0-9a-f]{2})+)>")


def why_no_trace() -> str:
    """Return what is missing for a trace, nothing where it can be had."""
    if shutil.which("strace") is None:
        return "strace is not installed (Debian's package: strace)"
    tried = subprocess.run(["strace", "-qq", "-e", "trace=none", "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else f"strace may not trace here: {tried.stderr.decode()[:200]}"


def tracing(output: Path) -> list[str]:
    """Return the words before a command that write its trace to `output`; the command keeps its pid."""
    return [
        "strace", "-D", "-f", "--seccomp-bpf", "-qq", "-v", "-xx", "-yy", "-s", str(LONGEST),
        "-o", str(output), "-e", f"trace={','.join('?' + call for call in CALLS)}", "-e", "signal=none",
    ]  # fmt: skip


def tracer_of(pid: int) -> psutil.Process:
    """Return the strace that watches a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^TracerPid:\s*(\d+)", status, re.MULTILINE)
    assert found is not None
    assert found.group(1) != "0", "nothing traces it"
    return psutil.Process(int(found.group(1)))


@dataclass
class Trace:
    """What was written, by where it went. `connected`: addresses; `unseen`: calls that hide it."""

    written: dict[str, bytearray] = field(default_factory=lambda: defaultdict(bytearray))
    connected: set[str] = field(default_factory=set)
    unseen: set[str] = field(default_factory=set)
    in_memory: int = 0

    def save(self, folder: Path) -> Path:
        """Write it down, one file for each place, named after it."""
        folder.mkdir()
        for place, content in self.written.items():
            (folder / quote(place, safe="")[-200:]).write_bytes(content)
        return folder

    @property
    def mapped(self) -> list[Path]:
        """The files on disks that were written to through memory, and are still there, weights apart."""
        found = [Path(call.removeprefix("mmap ")) for call in self.unseen if call.startswith("mmap ")]
        return [file for file in found if file.exists() and file.suffix != ".gguf"]


def read_trace(output: Path, port: int) -> Trace:
    """Read a trace of a server that listens on `port`."""
    trace, mounts = Trace(), _mounts()
    with output.open("r", encoding="ascii") as lines:
        for line in lines:
            if found := _CALL.match(line):
                _take(trace, mounts, port, line, found.group(1), found.group(2) or "")
    return trace


def _take(trace: Trace, mounts: dict[str, str], port: int, line: str, call: str, target: str) -> None:
    if call in NAMES:
        trace.written["names"] += b"\n".join([*_texts(line), b""])
    elif call == "connect":
        if (address := _address(line)) not in NOBODY:
            trace.connected.add(address)
    elif call == "mmap":
        if "MAP_SHARED" in line and "PROT_WRITE" in line and (mapped := _PATH.search(line)):
            path = _plain(mapped.group(1)).decode()
            if _is_on_disk(path, mounts):
                trace.unseen.add(f"mmap {path}")
    elif call == "io_uring_setup" and "SQPOLL" not in _FLAGS.findall(line)[0]:
        pass  # libuv's, which it tells its descriptors to epoll with and nothing else: that for files polls
    elif call in UNSEEN:
        trace.unseen.add(f"{call} {_plain(target).decode(errors='replace')}")
    elif call in WRITES:
        place = _plain(target).decode(errors="replace")
        if _leaves(place, mounts, port):
            trace.written[place] += b"".join(_texts(line))
        else:
            trace.in_memory += 1


def _leaves(place: str, mounts: dict[str, str], port: int) -> bool:
    """Whether what is written there gets onto a disk or to somebody else than the client."""
    if place.startswith("TCP"):
        return f":{port}->" not in place
    return _is_on_disk(place, mounts) if place.startswith("/") else not place.startswith(NEVER_ON_DISK)


def _is_on_disk(path: str, mounts: dict[str, str]) -> bool:
    if path.startswith(NEVER_ON_DISK):
        return False
    within = max((point for point in mounts if _below(path, point)), key=len)
    return mounts[within] not in IN_MEMORY


def _below(path: str, point: str) -> bool:
    return path == point or path.startswith(point.rstrip("/") + "/")


def _mounts() -> dict[str, str]:
    """Return the kind of file system at each place."""
    found = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place, _, rest = line.partition(" - ")
        found[place.split()[4]] = rest.split()[0]
    return found


def _texts(line: str) -> Iterator[bytes]:
    for found in _TEXT.finditer(line):
        assert not found.group(2), "a write is longer than what strace shows"
        yield _plain(found.group(1))


def _plain(text: str) -> bytes:
    """Undo strace's notation."""
    return re.sub(rb"\\x([0-9a-f]{2})", lambda one: bytes([int(one.group(1), 16)]), text.encode())


def _address(line: str) -> str:
    family = re.search(r"sa_family=(\w+)", line)
    port = re.search(r"htons\((\d+)\)", line)
    named = b" ".join(_texts(line)).decode(errors="replace")
    return " ".join(filter(None, [family and family.group(1), named, port and port.group(1)]))


def until_ended(tracer: psutil.Process, seconds: float) -> None:
    """Wait until all that it traced has ended."""
    until = time.monotonic() + seconds
    while tracer.is_running() and tracer.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until, f"it still traces {tracer.children(recursive=True)}"
        time.sleep(0.02)
