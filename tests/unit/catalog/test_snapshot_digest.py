"""Whatever makes a model's answers makes its digest, and nothing else does."""

from dataclasses import replace

import pytest

from sayso.catalog.snapshot import (
    FolderSource,
    HubSource,
    PackagePart,
    PackageSource,
    Snapshot,
    SnapshotFile,
    UpstreamSource,
)

FILES = (
    SnapshotFile("model.Q4_1.gguf", "a" * 64, 10),
    SnapshotFile("tokenizer.json", "b" * 64, 20),
    SnapshotFile("chat_template.jinja", "c" * 64, 30),
)
BASE = Snapshot("m", "chat", "openvino", PackageSource(), FILES, temperature=0.2, top_p=0.9, answer_tokens=9)


def with_file(index: int, **change: object) -> Snapshot:
    files = list(FILES)
    files[index] = replace(files[index], **change)  # type: ignore[arg-type]
    return replace(BASE, files=tuple(files))


@pytest.mark.parametrize(
    "other",
    [
        with_file(0, sha256="d" * 64),
        with_file(1, sha256="d" * 64),
        with_file(2, sha256="d" * 64),
        with_file(0, name="model.Q8_0.gguf"),
        with_file(0, size=11),
        replace(BASE, files=FILES[:2]),
        replace(BASE, files=(*FILES, SnapshotFile("generation_config.json", "e" * 64, 1))),
        replace(BASE, temperature=0.3),
        replace(BASE, temperature=None),
        replace(BASE, top_p=1.0),
        replace(BASE, answer_tokens=10),
        replace(BASE, source=UpstreamSource("http://h/v1", "m")),
    ],
)
def test_each_ingredient_alone_changes_it(other: Snapshot) -> None:
    assert other.digest != BASE.digest


@pytest.mark.parametrize(
    "same",
    [
        replace(BASE, files=FILES[::-1]),
        replace(BASE, id="another"),
        replace(BASE, source=FolderSource("/somewhere")),
        replace(BASE, source=HubSource("a/b", "c")),
        replace(BASE, licence="MIT", languages=("en",), created=7, owned_by="x"),
        with_file(0, parts=(PackagePart("d", "p"),)),
    ],
)
def test_nothing_else_does(same: Snapshot) -> None:
    assert same.digest == BASE.digest


def test_models_that_run_elsewhere_differ_by_server_and_name_there() -> None:
    sources = [
        UpstreamSource("http://h/v1", "m"),
        UpstreamSource("http://h/v1", "n"),
        UpstreamSource("http://i/v1", "m"),
    ]
    digests = {Snapshot("m", "chat", "upstream", source).digest for source in sources}
    assert len(digests) == 3
    keyed = UpstreamSource("http://h/v1", "m", "SOME_KEY")
    assert Snapshot("m", "chat", "upstream", keyed).digest in digests
