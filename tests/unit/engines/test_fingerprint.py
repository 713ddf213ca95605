"""A fingerprint changes with the snapshot, the engine's build and its settings, each alone, and only then."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sayso.catalog.snapshot import SnapshotFile
from sayso.engines.config import EngineConfig
from sayso.engines.fingerprint import build_of, fingerprint
from sayso.engines.openvino import engine as openvino_engine
from sayso.engines.whisper import engine as whisper_engine

CONFIG = EngineConfig("openvino", "m", Path("/a"), "ab" * 32, Path("/c"), context_length=4096)
BUILD = {"engine": "openvino", "sayso": "1", "library": "2"}


def test_each_part_alone_changes_it() -> None:
    names = {
        fingerprint("ab", BUILD, {"threads": 2}),
        fingerprint("ac", BUILD, {"threads": 2}),
        fingerprint("ab", {**BUILD, "library": "3"}, {"threads": 2}),
        fingerprint("ab", {**BUILD, "sayso": "2"}, {"threads": 2}),
        fingerprint("ab", {**BUILD, "engine": "other"}, {"threads": 2}),
        fingerprint("ab", BUILD, {"threads": 3}),
        fingerprint("ab", BUILD, {}),
    }
    assert len(names) == 7
    assert all(len(name) == 15 and name.startswith("fp_") for name in names)


def test_order_does_not() -> None:
    turned = dict(reversed(BUILD.items()))
    assert fingerprint("ab", turned, {"b": 1, "a": 2}) == fingerprint("ab", BUILD, {"a": 2, "b": 1})


def test_a_build_names_the_versions_of_its_libraries() -> None:
    build = build_of("openvino", "openvino-genai", "surely-not-installed")
    assert build["openvino-genai"]
    assert build["sayso"]
    assert build["surely-not-installed"] == ""


@pytest.mark.parametrize("settings_of", [openvino_engine.settings_of, whisper_engine.settings_of])
def test_what_can_not_change_an_answer_is_no_setting(
    settings_of: Callable[[EngineConfig], dict[str, object]],
) -> None:
    other = replace(
        CONFIG,
        snapshot="n",
        folder=Path("/b"),
        cache_dir=Path("/d"),
        queue_depth=1,
        max_concurrency=2,
        cache_tokens=9,
        cores=(1,),
        memory_bytes=9,
        measured=True,
        files=(SnapshotFile("x", "a" * 64, 1),),
    )
    assert settings_of(other) == settings_of(CONFIG)
    assert settings_of(replace(CONFIG, threads=3)) != settings_of(CONFIG)


def test_every_setting_of_an_engine_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    known = [
        openvino_engine.settings_of(CONFIG),
        openvino_engine.settings_of(CONFIG, caching=False),
        openvino_engine.settings_of(CONFIG, Path("converted")),
        openvino_engine.settings_of(replace(CONFIG, context_length=2048)),
        openvino_engine.settings_of(replace(CONFIG, batch_tokens=128)),
        whisper_engine.settings_of(CONFIG),
    ]
    for name, value in (
        ("COMPUTE_TYPE", "float32"),
        ("FALLBACK_TEMPERATURES", (0.0,)),
        ("DECODING", {}),
        ("SURE_LANGUAGE", 0.9),
        ("SURE_END_LOGPROB", -0.1),
        ("LENGTHS", (3000,)),
        ("AGAIN_FRAMES", 3000),
        ("CUTS", ((800, 2800),)),
        ("RARE_CUTS", ((2000, 2800),)),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(whisper_engine, name, value)
            known.append(whisper_engine.settings_of(CONFIG))
    assert len({fingerprint("ab", {}, settings) for settings in known}) == len(known)
