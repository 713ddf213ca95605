"""A pinned snapshot of speech on an instance: the same transcripts after its name moved, no other bytes."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from sayso.catalog.catalogue import EMBEDDED_SPEECH
from tests.acceptance.commands import sayso, try_sayso
from tests.acceptance.damaged_files import flip
from tests.acceptance.dedicated_servers import (
    create,
    engine_info,
    instance_hosts,
    until_status,
    write_settings,
)
from tests.acceptance.running_server import RunningServer, start_server

MODELS = f"""
load_models = ["{EMBEDDED_SPEECH}", "other"]
[models.other]
kind = "speech"
engine = "fake"
script = '{{"reply": "somebody else"}}'
"""
CLIPS = 20
SECONDS = 8.0


def clips(folder: Path) -> list[Path]:
    """Return short English sentences, read by people."""
    lines = (folder / "manifest.jsonl").read_text().splitlines()
    found = [
        one
        for one in map(json.loads, lines)
        if one["language"] == "en" and one["kind"] == "read" and one["duration_s"] < SECONDS
    ]
    return [folder / one["path"] for one in found[:CLIPS]]


def transcribe(server: RunningServer, key: str, clip: Path) -> tuple[str | None, dict[str, Any]]:
    """Return the instance that answers, and all that it says."""
    answer = httpx.post(
        f"{server.base_url}/audio/transcriptions",
        headers={"authorization": f"Bearer {key}"},
        data={"model": "whisper-1", "response_format": "verbose_json"},
        files={"file": clip.read_bytes()},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    return answer.headers.get("x-sayso-instance"), answer.json()


def fingerprint(server: RunningServer) -> str:
    (host,) = instance_hosts(server)
    return str(engine_info(host)["fingerprint"])


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_pinned_snapshot_of_speech_hears_the_same_and_nothing_else_is_loaded(
    tmp_path: Path, speech_folder: Path
) -> None:
    write_settings(tmp_path, MODELS)
    heard = clips(speech_folder)
    assert len(heard) == CLIPS
    first = start_server(tmp_path)
    try:
        made = create(first, "ears", "--memory-mib", "2048", model="whisper-1")
        before = [transcribe(first, first.key, clip) for clip in heard]
        assert {instance for instance, _ in before} == {made["id"]}
        assert all(answer["text"] for _, answer in before)
        mark = fingerprint(first)
        assert try_sayso(tmp_path, "models", "pin", "whisper-1").returncode == 0
        moved = try_sayso(tmp_path, "models", "alias", "whisper-1", "other")
        assert moved.returncode == 0, moved.stderr
    finally:
        first.stop()

    second = start_server(tmp_path)
    try:
        until_status(second, "ears", "ready")
        assert fingerprint(second) == mark
        assert [transcribe(second, first.key, clip) for clip in heard] == before
        sayso(tmp_path, "instances", "delete", "ears", "--drain-seconds", "0")
        until_status(second, made["id"], "terminated")
        # The shared pool has the pinned snapshot as well.
        assert transcribe(second, first.key, heard[0]) == (None, before[0][1])
    finally:
        second.stop()

    weights = max(
        (tmp_path / "models" / EMBEDDED_SPEECH).glob("*/*.bin"), key=lambda file: file.stat().st_size
    )
    flip(weights)
    started = try_sayso(tmp_path, "serve", "--port", "0")
    assert started.returncode == 1
    assert f"{weights.name} is damaged" in started.stderr
