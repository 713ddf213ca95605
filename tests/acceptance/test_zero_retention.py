"""Under zero retention nothing of a request is on a disk: not while it runs, not afterwards."""

import io
import secrets
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.acceptance.commands import sayso
from tests.acceptance.running_server import RunningServer, start_server

SETTINGS = """
load_models = ["said", "heard"]
[models.said]
kind = "chat"
engine = "fake"
[models.heard]
kind = "speech"
engine = "fake"
"""
CANARY = "xylophone-8712-canary"
BOUNDARY = "boundary"
HEAD = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="model"\r\n\r\nheard\r\n'
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
).encode()
TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("zero")
    (folder / "sayso.toml").write_text(SETTINGS)
    server = start_server(folder, "--config", str(folder / "sayso.toml"))
    try:
        yield server
    finally:
        server.stop()


def set_policy(server: RunningServer, mode: str) -> None:
    """Change it as the operator does, on the command line."""
    sayso(server.folder, "retention", "set", mode)


def noise() -> bytes:
    """A recording of 24 MiB that nothing can make smaller."""
    file = io.BytesIO()
    with wave.open(file, "wb") as made:
        made.setnchannels(2)
        made.setsampwidth(2)
        made.setframerate(48_000)
        made.writeframes(secrets.token_bytes(24 * 2**20))
    return file.getvalue()


def on_disk(server: RunningServer) -> set[str]:
    """Every file on a disk that a process of the server has open, deleted ones as well."""
    gateway = psutil.Process(server.process.pid)
    opened: set[str] = set()
    for process in (gateway, *gateway.children(recursive=True)):
        for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
            try:
                target = str(descriptor.readlink())
            except OSError:  # closed meanwhile
                continue
            if target.startswith("/") and not target.startswith(("/dev/", "/proc/", "/memfd:", "/sys/")):
                opened.add(target)
    return opened


def holding(folder: Path, needle: bytes) -> list[Path]:
    """The files below a folder with these bytes."""
    return [file for file in folder.rglob("*") if file.is_file() and needle in file.read_bytes()]


def once_stored(client: httpx.Client, asked: dict[str, Any]) -> dict[str, Any]:
    """Ask until the answer is stored: a server learns of another process's change within half a second."""
    until = time.monotonic() + 10
    while True:
        answer = client.post("/chat/completions", json=asked)
        if "x-sayso-stored" not in answer.headers:
            return dict(answer.json())
        assert time.monotonic() < until, answer.headers


def test_an_upload_is_in_memory_alone_and_gone_with_the_request(quiet: RunningServer) -> None:
    set_policy(quiet, "zero")
    sound, before = noise(), on_disk(quiet)
    seen: set[str] = set()

    def body() -> Iterator[bytes]:
        yield HEAD
        for at in range(0, len(sound), 2**20):
            yield sound[at : at + 2**20]
            seen.update(on_disk(quiet))
        yield TAIL

    headers = {
        "authorization": f"Bearer {quiet.key}",
        "content-type": f"multipart/form-data; boundary={BOUNDARY}",
    }
    answer = httpx.post(f"{quiet.base_url}/audio/transcriptions", content=body(), headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    new = {file for file in seen - before if "retention-keys" in file or "deleted" in file}
    assert new == set()
    middle = len(sound) // 2
    assert holding(quiet.folder, sound[middle : middle + 32]) == []


def test_what_is_said_is_nowhere_and_would_be_found(quiet: RunningServer) -> None:
    asked = {"model": "said", "messages": [{"role": "user", "content": CANARY}], "store": True}
    headers = {"authorization": f"Bearer {quiet.key}"}
    with httpx.Client(headers=headers, base_url=quiet.base_url, timeout=60) as client:
        set_policy(quiet, "zero")
        answer = client.post("/chat/completions", json=asked)
        assert CANARY in answer.text
        assert answer.headers["x-sayso-stored"] == "false"
        client.post("/chat/completions", json=asked | {"temperature": CANARY})
        assert holding(quiet.folder, CANARY.encode()) == []
        assert list(quiet.folder.glob("retention-keys/*/*.keys")) == []
        set_policy(quiet, "default")  # the same is then kept, so that this would have been seen
        stored = once_stored(client, asked)["id"]
        assert list(quiet.folder.glob("retention-keys/*/*.keys"))
        assert client.get(f"/chat/completions/{stored}").json()["id"] == stored
        assert holding(quiet.folder, stored.encode())  # what is searched has its row


def test_every_process_is_forbidden_to_dump_its_memory(quiet: RunningServer) -> None:
    gateway = psutil.Process(quiet.process.pid)
    for process in (gateway, *gateway.children(recursive=True)):
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        (line,) = (line for line in limits.splitlines() if line.startswith("Max core file size"))
        assert line.split()[4] in ("0", "1"), process.cmdline()
