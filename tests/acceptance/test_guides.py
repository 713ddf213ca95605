"""Every snippet of the guides does what it says, against a real server with the real models."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.running_server import RunningServer, start_server
from tests.processes import without_settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
OTHERWISE = {"dedicated-instances", "vllm"}  # pages whose server is not as it comes
LONG = {"models", "data-controls"}  # a dozen commands each
PAGES = [
    pytest.param(page, id=page.stem, marks=[pytest.mark.long] if page.stem in LONG else [])
    for page in (DOCS / "index.md", DOCS / "start.md", *sorted((DOCS / "guides").glob("*.md")))
    if page.stem not in OTHERWISE
]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
RUN = {"python", "sh"}
SHOWN = {"text", "json", "toml"}
SERVING = ("make serve\n",)  # runs already
RC = "fail-with-body\nno-progress-meter\n"  # an HTTP error is a failure


def snippets(page: Path) -> list[tuple[str, str]]:
    found = FENCE.findall(page.read_text("utf-8"))
    assert {language for language, _ in found} <= RUN | SHOWN
    return [(language, text) for language, text in found if language in RUN and text not in SERVING]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of the reader's own: some pages change its limits."""
    with running(tmp_path_factory.mktemp("reader")) as started:
        yield started


@contextmanager
def running(folder: Path, settings: str = "") -> Iterator[RunningServer]:
    if settings:
        (folder / "sayso.toml").write_text(settings)
    started = start_server(folder)
    try:
        yield started
    finally:
        started.stop()


@pytest.mark.speech
@pytest.mark.parametrize("page", PAGES)
def test_the_snippets_of_a_page_run(
    page: Path, server: RunningServer, recording: Path, tmp_path: Path
) -> None:
    run(page, server, recording, tmp_path)


@pytest.mark.long
@pytest.mark.speech
@pytest.mark.timeout(600)
def test_the_snippets_on_instances_run(recording: Path, tmp_path: Path) -> None:
    page = DOCS / "guides" / "dedicated-instances.md"
    (tmp_path / "server").mkdir()
    with running(tmp_path / "server", settings_of(page)) as server:
        run(page, server, recording, tmp_path, within=480)  # seconds: it measures a curve


@pytest.mark.long
@pytest.mark.speech
def test_the_snippets_on_another_server_run(
    server: RunningServer, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another sayso takes the place of vLLM."""
    page = DOCS / "guides" / "vllm.md"
    monkeypatch.setenv("VLLM_API_KEY", server.key)
    settings = settings_of(page)
    settings = settings.replace("http://10.0.0.5:8000/v1", server.base_url)
    settings = settings.replace("meta-llama/Llama-3.1-8B-Instruct", "gpt-3.5-turbo")
    assert settings != settings_of(page)
    (tmp_path / "server").mkdir()
    with running(tmp_path / "server", settings) as front:
        run(page, front, recording, tmp_path)


def settings_of(page: Path) -> str:
    """What a page would have its reader put into sayso.toml."""
    return "\n".join(text for language, text in FENCE.findall(page.read_text("utf-8")) if language == "toml")


def run(page: Path, server: RunningServer, recording: Path, tmp_path: Path, within: float = 240) -> None:
    (tmp_path / ".curlrc").write_text(RC)
    (tmp_path / "snippets.json").write_text(json.dumps(snippets(page)))
    shutil.copy(recording, tmp_path / "speech.mp3")
    environment = {
        **without_settings(),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "CURL_HOME": str(tmp_path),
        "SAYSO_DATA_DIR": str(server.folder),
        "OPENAI_BASE_URL": server.base_url,
        "OPENAI_API_KEY": server.key,
    }
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "acceptance" / "snippets.py", "snippets.json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=within,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, f"{done.stdout[-3_000:]}\n{done.stderr[-3_000:]}"


def test_every_guide_has_something_to_run() -> None:
    pages = [DOCS / "start.md", *(DOCS / "guides").glob("*.md")]
    assert [page.stem for page in pages if len(snippets(page)) < 2] == []
