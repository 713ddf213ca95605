"""docs/start.md to the letter, from `git clone` to the first answer and the first transcript."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "start.md").read_text("utf-8")
FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXPORT = re.compile(r"^\s+export (OPENAI_\w+)=(\S+)$", re.MULTILINE)
MOST_SECONDS = 300.0
READY_SECONDS = 600.0


def started(serve: str, folder: Path, environment: dict[str, str]) -> "tuple[subprocess.Popen[str], str]":
    """Run the page's first command, on a port of the test's own, until it has printed what to paste."""
    process = subprocess.Popen(
        [*serve.split(), "ARGS=--port 0"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said = ""
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        if len(EXPORT.findall(said)) == 2:
            return process, said
    raise AssertionError(f"the server did not start: {said[-2_000:]}")


@pytest.mark.long
@pytest.mark.speech
@pytest.mark.timeout(READY_SECONDS)
def test_from_a_clone_to_both_first_answers(recording: Path, tmp_path: Path) -> None:
    serve, chat, transcribe = FENCE.findall(PAGE)
    kept = ("PATH", "HOME", "LANG", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS")
    environment = {name: value for name, value in os.environ.items() if name in kept}
    environment |= {"XDG_DATA_HOME": str(tmp_path / "data")}
    clone = tmp_path / "sayso"
    begun = time.monotonic()
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    process, said = started(serve, clone, environment)
    try:
        times = {"ready": time.monotonic() - begun}
        pasted = environment | dict(EXPORT.findall(said))
        (clone / "speech.mp3").write_bytes(recording.read_bytes())
        for name, command, expected in (("chat", chat, "Paris"), ("transcript", transcribe, "country")):
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", command],
                cwd=clone,
                env=pasted,
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            )
            times[name] = time.monotonic() - begun
            assert expected in done.stdout
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)
        if process.stdout is not None:
            process.stdout.close()
    print({name: round(seconds, 1) for name, seconds in times.items()})
    assert times["transcript"] < MOST_SECONDS
