"""Search files for patterns: their raw bytes, and what compressed streams inside of them unpack to."""

import contextlib
import importlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sayso.retention.residue.needles import Needle

BLOCK = 4 * 1024 * 1024
PROBE = 4096  # bytes that tell whether something is a stream at all
UNPACKED = 64 * 1024 * 1024  # of one stream that are looked at

Unpack = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True, order=True)
class Hit:
    """A needle that was found: in which file, at which byte, in a stream of which compression or none."""

    path: Path
    offset: int
    name: str
    encoding: str
    compression: str


def scan(paths: Iterable[Path], needles: Sequence[Needle]) -> list[Hit]:
    """Return what is found, one hit for each needle, file and compression; folders are searched whole.

    A file that disappears meanwhile is left out.
    """
    hits: dict[tuple[Path, Needle, str], Hit] = {}
    for path in _files(paths):
        try:
            found = list(_scan_file(path, needles))
        except FileNotFoundError:
            continue
        for offset, needle, compression in found:
            hit = Hit(path, offset, needle.name, needle.encoding, compression)
            hits.setdefault((path, needle, compression), hit)
    return sorted(hits.values())


def open_files(pid: int) -> list[Path]:
    """Return the regular files that a process has open, those without a name in any folder too (Linux)."""
    folder = Path(f"/proc/{pid}/fd")
    return [entry for entry in sorted(folder.iterdir()) if entry.is_file()] if folder.exists() else []


def compressions() -> list[str]:
    """Return which compressed streams can be looked into here; zstandard needs Python 3.14 or its package."""
    return [name for name, _, _ in _streams()]


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield every file, each folder once; links are followed, for a server's log may lie behind one."""
    seen: set[Path] = set()
    for path in paths:
        yield from _below(path, seen)


def _below(path: Path, seen: set[Path]) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir() and (real := path.resolve()) not in seen:
        seen.add(real)
        with contextlib.suppress(FileNotFoundError):
            for one in sorted(path.iterdir()):
                yield from _below(one, seen)


def _scan_file(path: Path, needles: Sequence[Needle]) -> Iterator[tuple[int, Needle, str]]:
    overlap = max((len(needle.pattern) for needle in needles), default=1) - 1
    streams, before, start = _streams(), b"", 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            block = before + block
            for needle in needles:
                if (at := block.find(needle.pattern)) >= 0:
                    yield start + at, needle, ""
            for name, magics, unpack in streams:
                for at in _starts(block, magics):
                    if name != "zstd" and not unpack(block[at : at + PROBE]):
                        continue  # two bytes that mean nothing
                    content = unpack(_from(path, start + at))
                    for needle in needles:
                        if needle.pattern in content:
                            yield start + at, needle, name
            keep = min(overlap, len(block))
            start += len(block) - keep
            before = block[len(block) - keep :] if keep else b""


def _starts(block: bytes, magics: Sequence[bytes]) -> Iterator[int]:
    for magic in magics:
        at = block.find(magic)
        while at >= 0:
            yield at
            at = block.find(magic, at + 1)


def _from(path: Path, offset: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(BLOCK)


def _streams() -> list[tuple[str, tuple[bytes, ...], Unpack]]:
    streams: list[tuple[str, tuple[bytes, ...], Unpack]] = [
        ("gzip", (b"\x1f\x8b\x08",), lambda content: _inflate(content, 31)),
        ("zlib", (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"), lambda content: _inflate(content, 15)),
    ]
    if (zstandard := _zstandard()) is not None:
        streams.append(("zstd", (b"\x28\xb5\x2f\xfd",), zstandard))
    return streams


def _inflate(content: bytes, window_bits: int) -> bytes:
    """Unpack as much as there is of a stream; nothing where it is none."""
    unpacker, unpacked = zlib.decompressobj(window_bits), []
    try:
        for at in range(0, len(content), 65_536):
            unpacked.append(unpacker.decompress(content[at : at + 65_536], UNPACKED))
            if unpacker.eof:
                break
    except zlib.error:
        pass
    return b"".join(unpacked)


def _zstandard() -> Unpack | None:
    try:
        module: Any = importlib.import_module("compression.zstd")
    except ImportError:
        try:
            module = importlib.import_module("zstandard")
        except ImportError:
            return None

    def unpack(content: bytes) -> bytes:
        maker = getattr(module, "ZstdDecompressor")  # noqa: B009 - of either module
        unpacker = maker()
        if hasattr(unpacker, "decompressobj"):
            unpacker = unpacker.decompressobj()
        try:
            return bytes(unpacker.decompress(content))
        except Exception as error:
            if type(error).__name__ != "ZstdError":
                raise
            return b""

    return unpack
