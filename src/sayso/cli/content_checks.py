"""Whether this machine keeps content where sayso puts it: swap, temporary files, dumps, the key store's disk.

Linux tells; elsewhere nothing is said about it.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sayso.cli.finding import Finding

IN_MEMORY = frozenset({"tmpfs", "ramfs"})
KEEPS_OLD_BLOCKS = frozenset({"btrfs", "zfs", "bcachefs", "nilfs2", "f2fs"})
ELSEWHERE = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse", "ceph"})

Mount = tuple[Path, str]  # where, and the kind of file system


def content_findings(keys: Path, *, key_from_outside: bool, root: Path = Path("/")) -> Iterator[Finding]:
    """Look at the machine whose `/proc` and `/sys` are below `root`.

    `keys` is the key store's folder, `key_from_outside` whether its key-encryption key is kept elsewhere.
    """
    if not (root / "proc/self/mountinfo").exists():
        return
    mounts = _mounts((root / "proc/self/mountinfo").read_text("utf-8"))
    yield _swap(root)
    yield _temporary_files(mounts)
    yield _dumps(root)
    yield _key_store(mounts, keys, key_from_outside=key_from_outside)


def _swap(root: Path) -> Finding:
    lines = (root / "proc/swaps").read_text("utf-8").splitlines()[1:]
    devices = [Path(line.split()[0]) for line in lines]
    open_ones = [str(one) for one in devices if not _is_safe(root, one)]
    if open_ones:
        detail = f"{', '.join(open_ones)} is not encrypted, and may hold content: swapoff, or encrypt it"
        return Finding("swap", "look", detail)
    return Finding("swap", "ok", "encrypted, or in memory" if devices else "none")


def _is_safe(root: Path, device: Path) -> bool:
    """Whether swap is compressed memory, or encrypted by the device mapper."""
    name = os.path.realpath(device).rpartition("/")[2]
    if name.startswith("zram"):
        backing = root / f"sys/block/{name}/backing_dev"
        return not backing.exists() or backing.read_text("ascii").strip() == "none"
    mapped = root / f"sys/block/{name}/dm/uuid"
    return mapped.exists() and mapped.read_text("ascii").startswith("CRYPT-")


def _temporary_files(mounts: list[Mount]) -> Finding:
    folder = Path(tempfile.gettempdir())
    kind = _kind(mounts, folder)
    if kind in IN_MEMORY:
        return Finding("temporary files", "ok", f"{folder} is in memory")
    detail = f"{folder} is on a disk ({kind}); sayso writes no content there, but set TMPDIR to a tmpfs"
    return Finding("temporary files", "look", detail)


def _dumps(root: Path) -> Finding:
    pattern = (root / "proc/sys/kernel/core_pattern").read_text("utf-8").strip()
    where = "a program" if pattern.startswith("|") else "a file"
    return Finding(
        "core dumps", "ok", f"would go to {where} ({pattern}); servers and engines forbid their own"
    )


def _key_store(mounts: list[Mount], folder: Path, *, key_from_outside: bool) -> Finding:
    kind = _kind(mounts, folder)
    if key_from_outside:
        return Finding("key store", "ok", f"{folder} ({kind}), its key-encryption key comes from elsewhere")
    if kind in KEEPS_OLD_BLOCKS or kind.partition(".")[0] in ELSEWHERE:
        detail = f"{folder} is on {kind}, which may keep what is overwritten: set retention_key_file"
        return Finding("key store", "look", detail)
    return Finding("key store", "ok", f"{folder} ({kind}); no backup may hold it")


def _mounts(text: str) -> list[Mount]:
    """Read `/proc/self/mountinfo`, the latest mount last."""
    found = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        found.append((Path(before.split()[4].replace("\\040", " ")), after.split()[0]))
    return found


def _kind(mounts: list[Mount], folder: Path) -> str:
    path = Path(os.path.realpath(folder))
    above = [(len(at.parts), n, kind) for n, (at, kind) in enumerate(mounts) if path.is_relative_to(at)]
    return max(above)[2] if above else "unknown"
