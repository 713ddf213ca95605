import fcntl
import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sayso.catalog.manifest import dump_snapshot, shipped
from sayso.catalog.materialize import materialize, pin, remake
from sayso.catalog.snapshot import (
    FolderSource,
    HubSource,
    PackagePart,
    PackageSource,
    Snapshot,
    SnapshotFile,
    UpstreamSource,
)
from sayso.catalog.storage import building, locked, verify
from sayso.errors import ConfigurationError, IntegrityError

FIRST, SECOND, CONFIG = os.urandom(3_000_000), os.urandom(1_500_001), b"{}"


def seen_file(name: str, content: bytes, *parts: PackagePart) -> SnapshotFile:
    return SnapshotFile(name, hashlib.sha256(content).hexdigest(), len(content), parts)


class Weights:
    """A distribution with weights in two parts, and the snapshot that they make."""

    def __init__(self, site: Path) -> None:
        self.site = site
        self.models_dir = site.parent / "models"
        (site / "some_weights-1.0.dist-info").mkdir(parents=True)
        (site / "some_weights-1.0.dist-info" / "METADATA").write_text("Name: some-weights\nVersion: 1.0\n")
        (site / "some_weights").mkdir()
        (site / "some_weights" / "__init__.py").write_text("raise RuntimeError('imported')\n")
        for name, content in (("p1", FIRST), ("p2", SECOND), ("config.json", CONFIG)):
            (site / "some_weights" / name).write_bytes(content)
        one, two, config = (
            PackagePart("some-weights", f"some_weights/{n}") for n in ("p1", "p2", "config.json")
        )
        files = (
            seen_file("model.bin", FIRST + SECOND, one, two),
            seen_file("sub/config.json", CONFIG, config),
        )
        self.snapshot = Snapshot("some/weights:1", "chat", "fake", PackageSource(), files)

    def materialize(self) -> Path:
        return materialize(self.snapshot, self.models_dir)

    def verify(self, folder: Path) -> None:
        verify(self.snapshot.id, self.snapshot.files, folder)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Weights:
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return Weights(tmp_path / "site")


def flip(path: Path, offset: int = 1000) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 1]))


def test_parts_are_joined_and_other_files_lie_beside(weights: Weights) -> None:
    folder = weights.materialize()
    assert (folder / "model.bin").read_bytes() == FIRST + SECOND
    assert (folder / "sub" / "config.json").read_bytes() == CONFIG
    assert folder == weights.models_dir / "some%2Fweights%3A1" / weights.snapshot.manifest[:12]
    assert json.loads((folder / "snapshot.json").read_text())["id"] == "some/weights:1"
    assert not [path for path in folder.rglob("*") if path.is_symlink()]
    assert "some_weights" not in sys.modules


def test_progress_runs_from_start_to_end_of_every_file(weights: Weights) -> None:
    seen: list[tuple[str, int, int]] = []
    materialize(weights.snapshot, weights.models_dir, lambda *step: seen.append(step))
    assert seen[-1] == ("sub/config.json", 2, 2)
    joined = [done for name, done, total in seen if name == "model.bin"]
    assert joined == sorted(joined)
    assert joined[-1] == len(FIRST + SECOND)


@pytest.mark.parametrize("part", ["p1", "p2"])
def test_one_flipped_byte_in_a_package_is_refused_and_leaves_nothing(weights: Weights, part: str) -> None:
    flip(weights.site / "some_weights" / part)
    with pytest.raises(ConfigurationError, match=r"model\.bin is damaged"):
        weights.materialize()
    assert not [path for path in weights.models_dir.rglob("*") if path.name != ".lock" and path.is_file()]


def test_a_missing_distribution_or_file_is_named(weights: Weights) -> None:
    (weights.site / "some_weights" / "p2").unlink()
    with pytest.raises(ConfigurationError, match="lacks its file some_weights/p2"):
        weights.materialize()
    stranger = replace(weights.snapshot.files[0], parts=(PackagePart("not-there", "x"),))
    with pytest.raises(ConfigurationError, match=r"'not-there'.*not installed"):
        materialize(replace(weights.snapshot, files=(stranger,)), weights.models_dir)


def test_a_later_start_reads_no_file(weights: Weights) -> None:
    folder = weights.materialize()
    for path in (weights.site / "some_weights").iterdir():
        path.unlink()
    seen: list[str] = []
    assert materialize(weights.snapshot, weights.models_dir, lambda name, *_: seen.append(name)) == folder
    assert seen == []


@pytest.mark.parametrize("damage", ["flip", "flip, with its time put back", "shorten", "delete", "add"])
def test_a_touched_folder_is_refused_until_it_is_made_anew(weights: Weights, damage: str) -> None:
    folder = weights.materialize()
    path = folder / "sub" / "config.json" if damage == "add" else folder / "model.bin"
    before = path.stat()
    match damage:
        case "shorten":
            path.write_bytes(FIRST)
        case "delete":
            path.unlink()
        case "add":
            (folder / "sub" / "more.json").write_text("{}")
        case _:
            flip(path)
            if damage != "flip":
                os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(
        IntegrityError, match=r"(model\.bin is (damaged|missing)|more\.json is no part of it)"
    ):
        weights.verify(weights.materialize())
    assert remake(weights.snapshot, weights.models_dir) == folder
    weights.verify(weights.materialize())
    assert sorted(path.name for path in folder.parent.iterdir() if not path.name.startswith(".")) == [
        folder.name
    ]


def test_a_whole_folder_is_not_made_anew(weights: Weights) -> None:
    inode = weights.materialize().stat().st_ino
    assert remake(weights.snapshot, weights.models_dir).stat().st_ino == inode


def test_generation_defaults_do_not_move_the_files(weights: Weights) -> None:
    folder = weights.materialize()
    warmer = replace(weights.snapshot, temperature=0.7)
    assert warmer.digest != weights.snapshot.digest
    assert materialize(warmer, weights.models_dir) == folder


def test_a_folder_under_its_older_name_is_taken_as_it_is(weights: Weights) -> None:
    lines = sorted(f"{file.name}\0{file.sha256}\n" for file in weights.snapshot.files)
    older = hashlib.sha256("".join([*lines, "temperature=None top_p=None answer=0\n"]).encode())
    folder = weights.materialize()
    renamed = folder.rename(folder.with_name(older.hexdigest()[:12]))
    assert weights.materialize() == renamed
    assert not folder.exists()


def test_concurrent_processes_end_with_one_whole_folder(weights: Weights, tmp_path: Path) -> None:
    entry = tmp_path / "entry.json"
    entry.write_text(json.dumps(dump_snapshot(weights.snapshot)))
    code = (
        "import json, sys, pathlib as p\n"
        "from sayso.catalog.manifest import parse_snapshot\n"
        "from sayso.catalog.materialize import materialize\n"
        "sys.stdin.read()\n"
        "snapshot = parse_snapshot(json.loads(p.Path(sys.argv[1]).read_text()))\n"
        "print(materialize(snapshot, p.Path(sys.argv[2])))\n"
    )
    command = [sys.executable, "-c", code, str(entry), str(weights.models_dir)]
    env = {**os.environ, "PYTHONPATH": str(weights.site)}
    runs = [
        subprocess.Popen(command, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    for run in runs:
        assert run.stdin
        run.stdin.close()
    outputs = set()
    for run in runs:
        assert run.stdout
        with run.stdout as out:
            outputs.add(out.read().strip())
        assert run.wait() == 0
    (folder,) = map(Path, outputs)
    weights.verify(folder)
    assert not list(folder.parent.glob(".new-*"))


def test_nobody_else_may_write_meanwhile(weights: Weights) -> None:
    lock = weights.models_dir / "some%2Fweights%3A1" / ".lock"
    refused: list[str] = []

    def try_lock(name: str, done: int, total: int) -> None:
        with lock.open("w") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        refused.append(name)

    materialize(weights.snapshot, weights.models_dir, try_lock)
    assert "model.bin" in refused


def test_what_a_killed_process_left_behind_goes(weights: Weights) -> None:
    folder = weights.models_dir / "some%2Fweights%3A1"
    (folder / ".new-dead").mkdir(parents=True)
    (folder / ".new-dead" / "model.bin").write_bytes(b"half")
    weights.materialize()
    assert not list(folder.glob(".new-*"))


def test_a_failure_while_building_leaves_the_old_folder(tmp_path: Path) -> None:
    final = tmp_path / "m" / "abc"
    with locked(final.parent), building(final) as new:
        (new / "x").write_text("old")

    def fail() -> None:
        with locked(final.parent), building(final) as new:
            (new / "x").write_text("new")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert (final / "x").read_text() == "old"


def test_a_folder_of_ones_own_is_read_once(tmp_path: Path) -> None:
    own, models = tmp_path / "own", tmp_path / "models"
    own.mkdir()
    (own / "a.gguf").write_bytes(FIRST)
    (own / ".cache").mkdir()
    (own / ".cache" / "x").write_text("no part of it")
    entry = Snapshot("own", "chat", "fake", FolderSource(str(own)))
    seen: list[str] = []
    progress: Callable[[str, int, int], None] = lambda name, *_: seen.append(name)  # noqa: E731
    first = pin(entry, models, progress)
    assert first.files == (seen_file("a.gguf", FIRST),)
    assert seen
    seen.clear()
    assert pin(entry, models, progress).digest == first.digest
    assert seen == []
    assert materialize(entry, models) == own
    flip(own / "a.gguf")
    assert pin(entry, models).digest != first.digest


def test_a_folder_with_stated_digests_must_fit_them(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(FIRST)
    entry = Snapshot("own", "chat", "fake", FolderSource(str(tmp_path)), (seen_file("a.gguf", FIRST),))
    assert materialize(entry, tmp_path / "models") == tmp_path
    flip(tmp_path / "a.gguf")
    with pytest.raises(IntegrityError, match=r"a\.gguf is damaged"):
        verify(entry.id, entry.files, materialize(entry, tmp_path / "models"))
    (tmp_path / "a.gguf").write_bytes(FIRST[1:])
    with pytest.raises(IntegrityError, match=r"a\.gguf is damaged"):
        materialize(entry, tmp_path / "models")


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        (HubSource("a/b", "main"), "sayso models pull m"),
        (UpstreamSource("http://h/v1", "m"), "another server"),
        (FolderSource("/nowhere/at/all"), "no folder"),
    ],
)
def test_what_can_not_be_made_here_says_why(
    tmp_path: Path, source: HubSource | UpstreamSource | FolderSource, complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        materialize(Snapshot("m", "chat", "fake", source), tmp_path)


@pytest.mark.parametrize("snapshot", shipped("embedded"), ids=lambda s: s.id)
def test_the_embedded_weights_are_what_the_catalogue_says(tmp_path: Path, snapshot: Snapshot) -> None:
    try:
        for part in snapshot.files[0].parts:
            importlib.metadata.distribution(part.distribution)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the embedded weights are not installed: make setup")
    folder = materialize(snapshot, tmp_path)
    begun = time.perf_counter()
    verify(snapshot.id, snapshot.files, folder)
    verified = time.perf_counter()
    assert materialize(snapshot, tmp_path) == folder
    assert time.perf_counter() - verified < (verified - begun) / 2  # it reads nothing again
