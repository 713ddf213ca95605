"""A pinned snapshot, on the real engine: the same answers after its name has moved, and no other bytes."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sayso.catalog.catalogue import EMBEDDED_CHAT
from tests.acceptance.commands import new_admin_key, sayso, try_sayso
from tests.acceptance.damaged_files import flip
from tests.acceptance.running_server import RunningServer, start_server

SETTINGS = f"""
load_models = ["{EMBEDDED_CHAT}", "other"]
[aliases]
"everybodys" = "gpt-3.5-turbo"
[models.other]
kind = "chat"
engine = "fake"
script = '{{"reply": "somebody else"}}'
"""
PROMPTS = [f"Name something that begins with the letter {letter}." for letter in "ABCDEFGHIJKLMNOPQRST"]
FOLLOW_SECONDS = 1.5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sayso.toml").write_text(SETTINGS)
    return tmp_path


def ask(client: httpx.Client, model: str, prompt: str) -> tuple[str, str]:
    """Return the greedy answer, and the fingerprint of what gave it."""
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    answer = client.post("/chat/completions", json=body | {"temperature": 0, "max_tokens": 16}).json()
    return answer["choices"][0]["message"]["content"], answer["system_fingerprint"]


def client_of(server: RunningServer, key: str) -> httpx.Client:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.Client(base_url=server.base_url, headers=headers, timeout=60)


@pytest.fixture
def first(folder: Path) -> Iterator[RunningServer]:
    running = start_server(folder)
    yield running
    running.stop()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_pinned_snapshot_answers_the_same_and_nothing_else_is_loaded(
    folder: Path, first: RunningServer
) -> None:
    key, admin = first.key, new_admin_key(folder, "operator")
    with client_of(first, key) as client:
        before = [ask(client, "gpt-3.5-turbo", prompt) for prompt in PROMPTS]
        assert len({fingerprint for _, fingerprint in before}) == 1
        assert try_sayso(folder, "models", "pin", "gpt-3.5-turbo").returncode == 0
        for alias in ("gpt-3.5-turbo", "everybodys"):
            moved = try_sayso(folder, "models", "alias", alias, "other")
            assert moved.returncode == 0, moved.stderr
        _until_other(client, "everybodys")
        assert ask(client, "gpt-3.5-turbo", PROMPTS[0]) == before[0]
        refused = client.delete(
            f"{first.root_url}/v1/organization/snapshots/{EMBEDDED_CHAT}",
            headers={"authorization": f"Bearer {admin}"},
        )
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "snapshot_in_use")
    first.stop()

    second = start_server(folder)
    try:
        with client_of(second, key) as client:
            assert [ask(client, "gpt-3.5-turbo", prompt) for prompt in PROMPTS] == before
            assert ask(client, "everybodys", PROMPTS[0])[0] == "somebody else"
    finally:
        second.stop()

    (weights,) = (folder / "models" / EMBEDDED_CHAT).glob("*/*.gguf")
    flip(weights)
    started = try_sayso(folder, "serve", "--port", "0")
    assert started.returncode == 1
    assert f"{weights.name} is damaged" in started.stderr
    removed = try_sayso(folder, "models", "remove", EMBEDDED_CHAT)
    assert removed.returncode == 1
    assert "pinned by project" in removed.stderr.replace("\n", " ")
    assert try_sayso(folder, "models", "verify", EMBEDDED_CHAT).returncode == 1
    assert try_sayso(folder, "models", "pull", EMBEDDED_CHAT).returncode == 0
    third = start_server(folder)
    try:
        with client_of(third, key) as client:
            assert ask(client, "gpt-3.5-turbo", PROMPTS[0]) == before[0]
    finally:
        third.stop()
    history = sayso(folder, "models", "aliases", "everybodys")
    assert [(one["snapshot"], one["cause"]) for one in history] == [
        (EMBEDDED_CHAT, "settings"),
        ("other", "move"),
    ]


def _until_other(client: httpx.Client, alias: str) -> None:
    """Wait for the running server to follow a command's move."""
    begun = time.monotonic()
    while ask(client, alias, PROMPTS[0])[0] != "somebody else":
        assert time.monotonic() - begun < FOLLOW_SECONDS, "the server has not followed the alias"
