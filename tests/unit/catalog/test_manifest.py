import json
import re

import pytest

from sayso.catalog.manifest import check_name, dump_snapshot, parse_snapshot, shipped
from sayso.catalog.snapshot import HubSource, PackageSource, Snapshot
from sayso.errors import ConfigurationError

ENTRY = {
    "id": "m",
    "kind": "chat",
    "engine": "openvino",
    "source": {"type": "hub", "repo": "a/b", "revision": "main"},
}


@pytest.mark.parametrize("snapshot", [*shipped("embedded"), *shipped("hub")], ids=lambda s: s.id)
def test_every_shipped_entry_survives_a_round_trip_through_json(snapshot: Snapshot) -> None:
    assert parse_snapshot(json.loads(json.dumps(dump_snapshot(snapshot)))) == snapshot
    assert snapshot.licence
    assert snapshot.created > 1_600_000_000
    assert snapshot.languages
    assert (snapshot.context_length > 0) == (snapshot.kind == "chat")


def test_embedded_entries_list_every_file_with_its_digest() -> None:
    chat, speech = shipped("embedded")
    assert (chat.kind, speech.kind) == ("chat", "speech")
    assert [file.size for file in chat.files] == [98_362_432]
    assert {file.name for file in speech.files} == {
        "model.bin",
        "config.json",
        "tokenizer.json",
        "vocabulary.json",
    }
    assert len(speech.languages) == len(set(speech.languages)) == 99
    for snapshot in (chat, speech):
        assert snapshot.source == PackageSource()
        assert all(re.fullmatch("[0-9a-f]{64}", file.sha256) and file.parts for file in snapshot.files)


def test_hub_entries_are_not_pinned_before_they_are_pulled() -> None:
    assert all(isinstance(entry.source, HubSource) and not entry.files for entry in shipped("hub"))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"kind": "video"}, "kind"),
        ({"source": {"type": "ftp"}}, "source.type"),
        ({"source": {"type": "hub", "repo": "a/b", "rev": "x"}}, "rev"),
        ({"contextlength": 5}, "contextlength"),
        ({"languages": "klingon"}, "languages"),
        ({"files": [{"name": "../x", "sha256": "0" * 64, "size": 1}]}, "leaves"),
        ({"files": [{"name": "x", "sha256": "0" * 63, "size": 1}]}, "sha256"),
        ({"engine": ...}, "engine is missing"),
    ],
)
def test_a_wrong_entry_is_refused_with_the_model_and_the_key(
    change: dict[str, object], complaint: str
) -> None:
    entry = {key: value for key, value in {**ENTRY, **change}.items() if value is not ...}
    with pytest.raises(ConfigurationError, match=re.escape(complaint)) as caught:
        parse_snapshot(entry)
    assert "model 'm'" in caught.value.message


@pytest.mark.parametrize(
    "name", ["gpt-6-astra", "Qwen/Qwen2.5-0.5B-Instruct-GGUF:q8_0.gguf", "a/b@main", "3"]
)
def test_names_may_hold_slashes_and_colons(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "/etc", "a/../b", "a b", "ä", ".x", "x" * 201, None, 3, "a\n"])
def test_other_names_are_refused(name: object) -> None:
    with pytest.raises(ConfigurationError):
        check_name(name)
