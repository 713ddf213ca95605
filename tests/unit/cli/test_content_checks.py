"""`sayso doctor` sees where this machine could put content on a disk."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from sayso.cli.content_checks import content_findings

MOUNT = "{n} 1 0:{n} / {at} rw,relatime shared:1 - {kind} none rw\n"
SWAPS = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


def verdicts(
    root: Path, mounts: Mapping[str, str], *, brought: bool = False, swaps: str = ""
) -> dict[str, str]:
    """Look at a machine with these mounts and lines of swap; the key store is in /srv/keys."""
    for folder in ("proc/self", "proc/sys/kernel"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    lines = (MOUNT.format(n=n, at=at, kind=kind) for n, (at, kind) in enumerate(mounts.items()))
    (root / "proc/self/mountinfo").write_text("".join(lines))
    (root / "proc/swaps").write_text(SWAPS + swaps)
    (root / "proc/sys/kernel/core_pattern").write_text("|/usr/lib/systemd/systemd-coredump %P\n")
    found = content_findings(Path("/srv/keys"), key_from_outside=brought, root=root)
    return {one.name: one.verdict for one in found}


def swap(root: Path, line: str) -> str:
    return verdicts(root, {"/": "ext4"}, swaps=line)["swap"]


def test_a_machine_that_keeps_nothing_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/tmp")
    found = verdicts(tmp_path, {"/": "ext4", "/tmp": "tmpfs"})
    assert found == dict.fromkeys(("swap", "temporary files", "core dumps", "key store"), "ok")


def test_temporary_files_on_a_disk_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/tmp/mine")
    mounts = {"/": "tmpfs", "/tmp": "ext4"}
    assert verdicts(tmp_path, mounts)["temporary files"] == "look"
    # What is mounted last over a place counts.
    assert verdicts(tmp_path, {**mounts, "/tmp/mine": "tmpfs"})["temporary files"] == "ok"


@pytest.mark.parametrize(
    ("kind", "verdict"), [("ext4", "ok"), ("btrfs", "look"), ("nfs4", "look"), ("fuse.sshfs", "look")]
)
def test_a_disk_that_keeps_what_is_overwritten_is_seen(tmp_path: Path, kind: str, verdict: str) -> None:
    assert verdicts(tmp_path, {"/": "ext4", "/srv": kind})["key store"] == verdict
    assert verdicts(tmp_path, {"/": "ext4", "/srv": kind}, brought=True)["key store"] == "ok"


def test_swap_is_off_or_encrypted_or_in_memory(tmp_path: Path) -> None:
    blocks = tmp_path / "sys/block"
    (blocks / "dm-1/dm").mkdir(parents=True)
    (blocks / "dm-1/dm/uuid").write_text("CRYPT-PLAIN-swap\n")
    (blocks / "dm-2/dm").mkdir(parents=True)
    (blocks / "dm-2/dm/uuid").write_text("LVM-abc\n")
    (blocks / "zram0").mkdir()
    (blocks / "zram1").mkdir()
    (blocks / "zram1/backing_dev").write_text("/dev/sda3\n")
    rest = " partition\t8388604\t0\t-2\n"
    assert swap(tmp_path, "") == "ok"
    assert swap(tmp_path, "/dev/dm-1" + rest) == "ok"
    assert swap(tmp_path, "/dev/zram0" + rest) == "ok"
    assert swap(tmp_path, "/dev/zram1" + rest) == "look"
    assert swap(tmp_path, "/dev/dm-2" + rest) == "look"
    assert swap(tmp_path, "/dev/dm-1" + rest + "/swapfile" + rest) == "look"


def test_another_system_is_not_judged(tmp_path: Path) -> None:
    assert list(content_findings(Path("/srv/keys"), key_from_outside=False, root=tmp_path)) == []
