"""Every file of `examples/` runs against a real server, and is the playground's preset of the same name."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.acceptance.running_server import RunningServer
from tests.processes import without_settings

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
PRESETS = ROOT / "src" / "sayso" / "api" / "console" / "assets" / "playground" / "presets.js"
SHARED = "asking"
FILES = sorted(path.stem for path in EXAMPLES.glob("*.py") if path.stem != SHARED)
HEAR = {"meeting_minutes": "en/jfk/jfk.mp3", "spoken_question": "de/fleurs/fleurs-de-000.ogg"}
PRESET = {"code_help": "code", "meeting_minutes": "minutes", "spoken_question": "question"}


@pytest.fixture(scope="module")
def outputs(server: RunningServer, speech_folder: Path) -> Iterator[dict[str, str]]:
    """What all of them print; they run side by side, as the engine is made for."""
    environment = {**without_settings(), "OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": server.key}

    def run(name: str) -> str:
        words = [str(speech_folder / HEAR[name])] if name in HEAR else []
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / f"{name}.py"), *words],
            env=environment, capture_output=True, text=True, timeout=110, check=False,
        )  # fmt: skip
        return done.stdout if done.returncode == 0 else f"FAILED\n{done.stderr}"

    with ThreadPoolExecutor(4) as pool:
        yield dict(zip(FILES, pool.map(run, FILES), strict=True))


@pytest.mark.speech
@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", FILES)
def test_it_runs_and_says_something(outputs: dict[str, str], name: str) -> None:
    print(outputs[name])
    assert not outputs[name].startswith("FAILED"), outputs[name][-1_500:]
    assert len(outputs[name].split()) >= 8
    if name == "plan":
        assert "day_3" in outputs[name] or "cut off" in outputs[name]
    if name == "meeting_minutes":
        assert "seconds of english" in outputs[name]
    if name == "spoken_question":
        assert "Asked in german" in outputs[name]
        assert "In English: " in outputs[name]


@pytest.mark.parametrize("name", FILES)
def test_the_playground_asks_the_same(name: str) -> None:
    presets = PRESETS.read_text("utf-8").replace("\\n", "\n")
    found = re.search(rf'id: "{PRESET.get(name, name)}"', presets)
    assert found, "no preset of this name"
    if name not in HEAR:
        said = [text for text in strings(name) if len(text.split()) > 4]
        assert len(said) == 2
        assert all(text in presets for text in said)


def strings(name: str) -> list[str]:
    """Return the texts that a file gives names to: its system message and its question."""
    tree = ast.parse((EXAMPLES / f"{name}.py").read_text("utf-8"))
    values = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    return [node.value for node in values if isinstance(node, ast.Constant) and isinstance(node.value, str)]
