"""Every snippet of the guides does what it says, against a real server with the real models."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.running_server import RunningServer, start_server

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [DOCS / "start.md", *sorted((DOCS / "guides").glob("*.md"))]
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
    running = start_server(tmp_path_factory.mktemp("reader"))
    try:
        yield running
    finally:
        running.stop()


@pytest.mark.speech
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_snippets_of_a_page_run(
    page: Path, server: RunningServer, recording: Path, tmp_path: Path
) -> None:
    (tmp_path / ".curlrc").write_text(RC)
    (tmp_path / "snippets.json").write_text(json.dumps(snippets(page)))
    shutil.copy(recording, tmp_path / "speech.mp3")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("SAYSO_", "OPENAI_"))},
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
        timeout=240,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, f"{done.stdout[-3_000:]}\n{done.stderr[-3_000:]}"


def test_every_guide_has_something_to_run() -> None:
    assert [page.stem for page in PAGES if len(snippets(page)) < 2] == []
