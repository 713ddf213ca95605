import hashlib
import logging
import os
import re
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants

from sayso.catalog.catalogue import Catalogue
from sayso.catalog.hub import pull
from sayso.catalog.materialize import materialize
from sayso.catalog.snapshot import HubSource, Snapshot, SnapshotFile
from sayso.catalog.storage import verify
from sayso.errors import ConfigurationError, IntegrityError
from tests.integration.catalog.hub_server import COMMIT, Hub, HubHandler

MODEL = os.urandom(3_000_000)
TOKEN = "hf_thisisasecrettoken"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    hub = Hub(
        files={
            "model.bin": MODEL,
            "vocabulary.txt": b"a\nb\n",
            "config.json": b"{}",
            "README.md": b"# read me",
            ".gitattributes": b"*.bin lfs",
        },
        lfs={"model.bin"},
    )
    handler = type("Handler", (HubHandler,), {"hub": hub})
    hub.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=hub.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield hub
    huggingface_hub.close_session()
    hub.server.shutdown()
    hub.server.server_close()
    thread.join()


def no_pause(seconds: float) -> None:
    """Do not wait between attempts."""


def folder_of(snapshot: Snapshot, models_dir: Path) -> Path:
    return materialize(snapshot, models_dir)


def test_a_repository_becomes_a_pinned_snapshot(hub: Hub, tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    snapshot = pull("owner/model", tmp_path, endpoint=hub.endpoint, progress=lambda *step: steps.append(step))
    assert (snapshot.id, snapshot.kind, snapshot.engine) == ("owner/model", "speech", "whisper")
    assert snapshot.source == HubSource("owner/model", COMMIT)
    assert (snapshot.licence, snapshot.owned_by, snapshot.created) == ("mit", "owner", 1_704_153_600)
    assert [file.name for file in snapshot.files] == ["config.json", "model.bin", "vocabulary.txt"]
    folder = folder_of(snapshot, tmp_path)
    verify(snapshot.id, snapshot.files, folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "model.bin",
        "snapshot.json",
        "vocabulary.txt",
    ]
    assert not [path for path in folder.rglob("*") if path.is_symlink()]
    assert ("model.bin", len(MODEL), len(MODEL)) in steps


def test_a_pulled_model_is_in_the_catalogue_of_the_next_start(hub: Hub, tmp_path: Path) -> None:
    snapshot = pull("owner/model", tmp_path, endpoint=hub.endpoint)
    found = Catalogue.load(tmp_path, aliases={"whisper-large": "owner/model"}).resolve("whisper-large")
    assert found == snapshot
    assert materialize(found, tmp_path).is_dir()


def test_a_second_pull_goes_on_where_the_first_was_cut(hub: Hub, tmp_path: Path) -> None:
    hub.cut_after = [1_000_000]
    with pytest.raises(ConfigurationError, match="what has come is kept"):
        pull("owner/model", tmp_path, endpoint=hub.endpoint, attempts=1, pause=no_pause)
    assert not Catalogue.load(tmp_path).snapshots[-1].id.startswith("owner")
    (partial,) = tmp_path.glob("*/.partial-*/model.bin")
    kept = partial.stat().st_size
    assert 0 < kept <= 1_000_000
    hub.seen.clear()
    steps: list[tuple[str, int, int]] = []
    snapshot = pull("owner/model", tmp_path, endpoint=hub.endpoint, progress=lambda *step: steps.append(step))
    ranges = [seen.headers.get("range") for seen in hub.downloads() if seen.path.endswith("model.bin")]
    assert ranges == [f"bytes={kept}-"] * 2  # the redirect and where it leads
    assert not [seen for seen in hub.downloads() if seen.path.endswith("config.json")]
    assert min(done for name, done, _ in steps if name == "model.bin") > kept
    verify(snapshot.id, snapshot.files, folder_of(snapshot, tmp_path))
    assert not list(tmp_path.glob("*/.partial-*"))


def test_one_pull_outlives_many_cuts(hub: Hub, tmp_path: Path) -> None:
    hub.cut_after = [400_000] * 6
    hub.statuses = [503, 429]
    pauses: list[float] = []
    snapshot = pull("owner/model", tmp_path, endpoint=hub.endpoint, pause=pauses.append)
    verify(snapshot.id, snapshot.files, folder_of(snapshot, tmp_path))
    assert len(pauses) == 8


def test_a_server_without_ranges_sends_it_all_again(hub: Hub, tmp_path: Path) -> None:
    hub.cut_after, hub.ranges = [500_000], False
    snapshot = pull("owner/model", tmp_path, endpoint=hub.endpoint, pause=no_pause)
    verify(snapshot.id, snapshot.files, folder_of(snapshot, tmp_path))


@pytest.mark.parametrize("name", ["model.bin", "config.json"])
def test_a_corrupted_file_is_refused_and_fetched_anew(hub: Hub, tmp_path: Path, name: str) -> None:
    content = hub.files[name]
    hub.sent_instead[name] = content[:-1] + bytes([content[-1] ^ 1])
    with pytest.raises(ConfigurationError, match=f"{name} is damaged"):
        pull("owner/model", tmp_path, endpoint=hub.endpoint)
    assert not list(tmp_path.glob(f"*/*/{name}"))
    hub.sent_instead.clear()
    snapshot = pull("owner/model", tmp_path, endpoint=hub.endpoint)
    verify(snapshot.id, snapshot.files, folder_of(snapshot, tmp_path))


def test_more_bytes_than_stated_are_refused(hub: Hub, tmp_path: Path) -> None:
    hub.sent_instead["model.bin"] = MODEL + b"more"
    with pytest.raises(ConfigurationError, match=r"model\.bin: the hub sent more"):
        pull("owner/model", tmp_path, endpoint=hub.endpoint)


def test_files_of_an_entry_must_be_the_ones_it_states(hub: Hub, tmp_path: Path) -> None:
    wrong = SnapshotFile("model.bin", hashlib.sha256(b"other").hexdigest(), len(MODEL))
    entry = Snapshot("m", "speech", "whisper", HubSource("owner/model", COMMIT, ("model.bin",)), (wrong,))
    with pytest.raises(ConfigurationError, match=r"model\.bin is damaged"):
        pull(entry, tmp_path, endpoint=hub.endpoint)


def test_an_entry_keeps_what_it_says_and_takes_only_its_files(hub: Hub, tmp_path: Path) -> None:
    hub.files = {"a-q4.gguf": b"small", "a-q8.gguf": b"large"}
    hub.lfs = set(hub.files)
    entry = Snapshot(
        "a-q8", "chat", "openvino", HubSource("owner/model", "main", ("a-q8.gguf",)), context_length=4096
    )
    snapshot = pull(entry, tmp_path, endpoint=hub.endpoint)
    assert (snapshot.context_length, [file.name for file in snapshot.files]) == (4096, ["a-q8.gguf"])
    with pytest.raises(ConfigurationError, match=r"a-q4\.gguf, a-q8\.gguf"):
        pull("owner/model", tmp_path, endpoint=hub.endpoint)
    assert pull("owner/model:a-q4.gguf", tmp_path, endpoint=hub.endpoint).kind == "chat"


def test_pulling_again_fetches_nothing(hub: Hub, tmp_path: Path) -> None:
    first = pull("owner/model", tmp_path, endpoint=hub.endpoint)
    hub.seen.clear()
    assert pull("owner/model", tmp_path, endpoint=hub.endpoint) == first
    assert hub.downloads() == []
    hub.seen.clear()
    assert pull(first, tmp_path, endpoint=hub.endpoint) == first
    assert hub.seen == []


def test_a_damaged_model_is_refused_and_a_pull_mends_it(hub: Hub, tmp_path: Path) -> None:
    snapshot = pull("owner/model", tmp_path, endpoint=hub.endpoint)
    path = folder_of(snapshot, tmp_path) / "model.bin"
    path.write_bytes(MODEL[:-1] + bytes([MODEL[-1] ^ 1]))
    with pytest.raises(IntegrityError, match=r"model\.bin is damaged"):
        verify(snapshot.id, snapshot.files, materialize(snapshot, tmp_path))
    assert pull(snapshot, tmp_path, endpoint=hub.endpoint) == snapshot
    assert path.read_bytes() == MODEL


def test_a_snapshot_never_changes_under_its_name(hub: Hub, tmp_path: Path) -> None:
    pull("owner/model", tmp_path, endpoint=hub.endpoint)
    hub.commit, hub.files["config.json"] = "f" * 40, b"{ }"
    with pytest.raises(ConfigurationError, match="never changes"):
        pull("owner/model", tmp_path, endpoint=hub.endpoint)
    newer = pull(f"owner/model@{hub.commit}", tmp_path, endpoint=hub.endpoint)
    assert isinstance(newer.source, HubSource)
    assert newer.source.revision == hub.commit
    assert len([s for s in Catalogue.load(tmp_path).snapshots if s.owned_by == "owner"]) == 2


def test_a_file_name_that_leaves_the_folder_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.files["../../model.bin"] = b"x"
    entry = Snapshot("m", "speech", "whisper", HubSource("owner/model", "main", ("*.bin",)))
    with pytest.raises(ConfigurationError, match="leaves the folder"):
        pull(entry, tmp_path, endpoint=hub.endpoint)


def test_no_such_repository_and_no_such_host_say_so(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such repository"):
        pull("owner/other", tmp_path, endpoint=hub.endpoint)
    with pytest.raises(ConfigurationError, match="out of reach"):
        pull("owner/model", tmp_path, endpoint="http://127.0.0.1:1")


def test_the_token_goes_to_the_hub_alone_and_into_no_log_or_message(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.statuses = [200, 403]  # an empty answer, then a refusal
    hub.files = {"model.bin": MODEL, "vocabulary.txt": b"a"}
    with caplog.at_level(logging.DEBUG), pytest.raises(ConfigurationError) as refused:
        pull("owner/model", tmp_path, endpoint=hub.endpoint, pause=no_pause)
    with caplog.at_level(logging.DEBUG):
        pull("owner/model", tmp_path, endpoint=hub.endpoint, pause=no_pause)
    by_host = {(seen.headers["host"].split(":")[0], seen.headers.get("authorization")) for seen in hub.seen}
    assert by_host == {("127.0.0.1", f"Bearer {TOKEN}"), ("localhost", None)}
    assert TOKEN not in caplog.text
    assert TOKEN not in refused.value.message
    assert "signature" not in refused.value.message


def test_the_hub_is_not_told_what_else_is_installed(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)
    pull("owner/model", tmp_path, endpoint=hub.endpoint)
    agents = {seen.headers["user-agent"] for seen in hub.seen}
    assert all(re.fullmatch(r"sayso/[\d.]+; hf_hub/[\d.]+; python/[\d.]+", agent) for agent in agents)
    assert constants.HF_HUB_DISABLE_TELEMETRY
