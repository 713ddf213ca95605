"""Every snippet of docs/clients does what it says, with the clients themselves against a real server.

`make clients` installs them, each in the version that its page names; where one is not there, its page is
skipped. OpenAI's client for Python comes with the tests.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.running_server import RunningServer

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "clients").glob("*.md"))
CLIENTS = Path(os.environ.get("SAYSO_TEST_CLIENTS") or ROOT / "build" / "clients")
FENCE = re.compile(r"^```(python|javascript|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PINNED = re.compile(r"^(?P<name>[\w.@/-]+)==(?P<version>\S+)$", re.MULTILINE)
PYTHON = {
    "langchain": "langchain_openai",
    "llamaindex": "llama_index.llms.openai_like",
    "litellm": "litellm",
    "llm": "llm",
}
NODE = {"openai-node": "openai", "vercel-ai-sdk": "ai"}
BUNDLED = {"openai-python", "open-webui"}  # nothing besides what the tests have


def versions() -> dict[str, str]:
    """The versions that `make clients` installs."""
    pinned = (ROOT / "tests" / "clients" / "requirements.txt").read_text("utf-8")
    package: dict[str, dict[str, str]] = json.loads(
        (ROOT / "tests" / "clients" / "package.json").read_text("utf-8")
    )
    return (
        dict(PINNED.findall(pinned))
        | package["dependencies"]
        | {"openai for Node": package["dependencies"]["openai"]}
    )


def program(page: str) -> list[str]:
    """How snippets of a page are run. Skips where the client is not installed."""
    if page in BUNDLED:
        return [sys.executable]
    if page in PYTHON:
        python = CLIENTS / "bin" / "python"
        there = (
            python.exists()
            and not subprocess.run(
                [
                    python,
                    "-c",
                    f"import importlib.util as u; assert u.find_spec('{PYTHON[page].partition('.')[0]}')",
                ],
                capture_output=True,
                check=False,
            ).returncode
        )
    else:
        python = Path(shutil.which("node") or "node")
        there = (CLIENTS / "node_modules" / NODE[page]).exists()
    if not there:
        pytest.skip(f"the client of {page} is not installed: make clients")
    return [str(python)]


@pytest.mark.long
@pytest.mark.speech
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_snippets_of_a_client_run(
    page: Path, server: RunningServer, recording: Path, tmp_path: Path
) -> None:
    command = program(page.stem)
    shutil.copy(recording, tmp_path / "speech.mp3")
    if (CLIENTS / "node_modules").exists():
        (tmp_path / "node_modules").symlink_to(CLIENTS / "node_modules")
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SAYSO_", "OPENAI_", "PYTHON"))
        },
        "PATH": f"{Path(command[0]).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "OPENAI_BASE_URL": server.base_url,
        "OPENAI_API_KEY": server.key,
    }
    found = FENCE.findall(page.read_text("utf-8"))
    assert found
    session = "\n".join(text for language, text in found if language == "python")  # shares its names
    runs = [[*command, "-c", session]] if session else []
    for number, (language, text) in enumerate(found):
        if language == "sh":
            runs.append(["bash", "-euo", "pipefail", "-c", text])
        elif language == "javascript":
            (tmp_path / f"{number}.mjs").write_text(text)
            runs.append([*command, f"{number}.mjs"])
    for run in runs:
        done = subprocess.run(
            run, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=110, check=False
        )
        assert done.returncode == 0, f"{run[-1]}\n{done.stdout[-2_000:]}\n{done.stderr[-3_000:]}"
        assert done.stdout.strip() or "keys set" in run[-1], run[-1]


def test_every_page_says_which_version_it_was_tested_with() -> None:
    known = versions()
    for page in PAGES:
        if page.stem in BUNDLED:
            continue
        said = re.search(r"^Tested with (.+)$", page.read_text("utf-8"), re.MULTILINE)
        assert said, page.stem
        named = re.findall(r"([\w@/-]+) ([0-9][0-9.]*[0-9])", said[1].partition(" on Node")[0])
        assert named, page.stem
        assert {
            name: known.get(name if page.stem != "openai-node" else "openai for Node") for name, _ in named
        } == dict(named)


def test_every_client_has_a_page_and_a_way_to_run_it() -> None:
    assert {page.stem for page in PAGES} == BUNDLED | set(PYTHON) | set(NODE)
