from pathlib import Path

import pytest

from sayso.catalog.catalogue import DEFAULT_ALIASES, EMBEDDED_CHAT, EMBEDDED_SPEECH, Catalogue
from sayso.catalog.snapshot import (
    FolderSource,
    HubSource,
    PackageSource,
    Snapshot,
    SnapshotFile,
    UpstreamSource,
)
from sayso.catalog.storage import folder_for, write_manifest
from sayso.config import ModelEntry
from sayso.errors import ConfigurationError, ModelNotFound

COMMIT = "c" * 40


def fake(name: str) -> Snapshot:
    return Snapshot(name, "chat", "fake", PackageSource(), created=7)


def test_openais_names_lead_to_the_embedded_models(tmp_path: Path) -> None:
    catalogue = Catalogue.load(tmp_path)
    for alias in ("gpt-3.5-turbo", "gpt-3.5-turbo-0301", "gpt-3.5-turbo-instruct", EMBEDDED_CHAT):
        assert catalogue.resolve(alias).id == EMBEDDED_CHAT
    for alias in ("whisper-1", EMBEDDED_SPEECH):
        assert catalogue.resolve(alias).id == EMBEDDED_SPEECH


@pytest.mark.parametrize("name", ["gpt-9", "", "GPT-3.5-turbo", "gpt-3.5-turbo "])
def test_an_unknown_name_is_not_found(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelNotFound):
        Catalogue.load(tmp_path).resolve(name)


def test_an_alias_may_lead_to_an_alias(tmp_path: Path) -> None:
    catalogue = Catalogue.load(tmp_path, aliases={"gpt-6-astra": "gpt-3.5-turbo"})
    assert catalogue.resolve("gpt-6-astra").id == EMBEDDED_CHAT


def test_the_operators_alias_replaces_the_default_one_for_all_that_lead_to_it(tmp_path: Path) -> None:
    entry = ModelEntry(kind="chat", base_url="http://127.0.0.1:9/v1", context_length=4096)
    catalogue = Catalogue.load(tmp_path, {"big": entry}, {"gpt-3.5-turbo-0301": "big"})
    assert catalogue.resolve("gpt-3.5-turbo").id == "big"
    assert catalogue.resolve("gpt-3.5-turbo-instruct").id == EMBEDDED_CHAT


def test_a_default_alias_gives_way_to_a_model_of_its_name(tmp_path: Path) -> None:
    entry = ModelEntry(kind="speech", base_url="http://127.0.0.1:9/v1")
    source = Catalogue.load(tmp_path, {"whisper-1": entry}).resolve("whisper-1").source
    assert source == UpstreamSource("http://127.0.0.1:9/v1", "whisper-1")


@pytest.mark.parametrize(
    ("aliases", "complaint"),
    [
        ({"a": "b", "b": "a"}, "circle: a → b → a"),
        ({"a": "a"}, "circle"),
        ({"a": "b", "b": "c"}, "leads to 'c'"),
        ({"m": "m"}, "name of a model"),
        ({"a b": "m"}, "can not name"),
    ],
)
def test_aliases_that_lead_nowhere_are_refused_at_once(aliases: dict[str, str], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        Catalogue([fake("m")], aliases)


def test_an_embedded_models_name_is_taken(tmp_path: Path) -> None:
    entry = ModelEntry(kind="chat", base_url="http://127.0.0.1:9/v1")
    with pytest.raises(ConfigurationError, match=EMBEDDED_CHAT):
        Catalogue.load(tmp_path, {EMBEDDED_CHAT: entry})


def test_the_listing_shows_what_is_served_and_its_aliases_only() -> None:
    catalogue = Catalogue([fake("owner/m:q8"), fake("idle")], {"a": "owner/m:q8", "b": "a", "c": "idle"})
    rows = catalogue.listing({"owner/m:q8"})
    assert [(row.id, row.snapshot, row.is_alias) for row in rows] == [
        ("a", "owner/m:q8", True),
        ("b", "owner/m:q8", True),
        ("owner/m:q8", "owner/m:q8", False),
    ]
    assert {(row.created, row.owned_by, row.kind) for row in rows} == {(7, "sayso", "chat")}
    assert catalogue.listing(()) == ()


def test_the_default_listing_has_both_models_under_all_names(tmp_path: Path) -> None:
    rows = Catalogue.load(tmp_path).listing({EMBEDDED_CHAT, EMBEDDED_SPEECH})
    assert {row.id for row in rows} == {*DEFAULT_ALIASES, EMBEDDED_CHAT, EMBEDDED_SPEECH}
    assert all(row.created > 0 for row in rows)


def test_settings_entries_become_sources(tmp_path: Path) -> None:
    models = {
        "folder": ModelEntry(kind="chat", path=tmp_path),
        "hub": ModelEntry(kind="speech", repo="a/b", revision=COMMIT),
        "far": ModelEntry(
            kind="chat",
            base_url="http://h/v1",
            upstream_model="llama",
            api_key_env="KEY",
            upstream_cache_salt=True,
        ),
        "script": ModelEntry(kind="chat", engine="fake", script="hello"),
    }
    catalogue = Catalogue.load(tmp_path / "models", models)
    found = {name: (catalogue.resolve(name).engine, catalogue.resolve(name).source) for name in models}
    assert found == {
        "folder": ("openvino", FolderSource(str(tmp_path))),
        "hub": ("whisper", HubSource("a/b", COMMIT)),
        "far": ("upstream", UpstreamSource("http://h/v1", "llama", "KEY", cache_salt=True)),
        "script": ("fake", PackageSource()),
    }


def pulled(models_dir: Path, name: str, repo: str) -> Snapshot:
    files = (SnapshotFile("model.bin", "1" * 64, 3),)
    snapshot = Snapshot(name, "speech", "whisper", HubSource(repo, COMMIT), files, licence="pulled")
    folder = folder_for(snapshot, models_dir)
    folder.mkdir(parents=True)
    write_manifest(snapshot, folder)
    return snapshot


def test_what_was_pulled_is_known_and_pins_the_entry_of_its_name(tmp_path: Path) -> None:
    other = pulled(tmp_path, "owner/else", "owner/else")
    tiny = pulled(tmp_path, "whisper-tiny", "Systran/faster-whisper-tiny")
    catalogue = Catalogue.load(tmp_path)
    assert catalogue.resolve("owner/else") == other
    found = catalogue.resolve("whisper-tiny")
    assert (found.files, found.source, found.licence) == (tiny.files, tiny.source, "MIT")


def test_a_pull_from_elsewhere_does_not_take_an_entrys_name(tmp_path: Path) -> None:
    pulled(tmp_path, "whisper-tiny", "stranger/whisper")
    assert Catalogue.load(tmp_path).resolve("whisper-tiny").files == ()


def test_a_broken_manifest_is_named(tmp_path: Path) -> None:
    snapshot = pulled(tmp_path, "owner/else", "owner/else")
    path = folder_for(snapshot, tmp_path) / "snapshot.json"
    path.write_text(path.read_text().replace("1" * 64, "2" * 64))
    with pytest.raises(ConfigurationError, match="does not fit"):
        Catalogue.load(tmp_path)
    path.write_text("{")
    with pytest.raises(ConfigurationError, match=r"snapshot\.json"):
        Catalogue.load(tmp_path)
