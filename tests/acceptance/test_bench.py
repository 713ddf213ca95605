"""`make bench` measures everything that it promises."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).parents[2]
WITH_TARGETS = {
    "later start": "at_most",
    "start: first token": "at_most",
    "at rest: gateway, resident": "at_most",
    "chat, 16 streams: HTTP ÷ bare": "at_least",
    "first token at idle: HTTP − bare": "at_most",
    "first token, 500 tokens: cached ÷ uncached": "at_most",
    "speech, one at a time: HTTP ÷ bare": "at_least",
    "speech, two at a time: HTTP ÷ bare": "at_least",
    "speech, clips: HTTP ÷ bare": "at_least",
    "speech, 10-minute files: HTTP ÷ bare": "at_least",
    "3 s clip: beside ÷ alone": "at_most",
}
WITHOUT = {
    "first start",
    "start: answers",
    "start: ready",
    *(f"sayso {command}" for command in ("--help", "--version", "models")),
    "at rest: gateway, its share",
    *(
        f"at rest: {name}, {what}"
        for name in ("chat host", "speech host", "decoder")
        for what in ("resident", "its share")
    ),
    *(
        f"chat, {streams}: {side}"
        for streams in ("1 stream", "16 streams", "32 streams")
        for side in ("HTTP", "bare pipeline")
    ),
    "chat, 1 stream: HTTP ÷ bare",
    "chat, 32 streams: HTTP ÷ bare",
    "first token at idle: HTTP",
    "first token at idle: bare pipeline",
    "first token, 500 tokens: uncached",
    "first token, 500 tokens: cached",
    "a 4,000-token prompt: its first token",
    "beside it, a running stream's usual gap",
    "beside it, a running stream's longest gap",
    "speech: HTTP, one at a time",
    "speech: HTTP, two at a time",
    "speech: faster-whisper",
    "speech, clips: HTTP, 8 clients",
    "speech, clips: faster-whisper, one at a time",
    "speech, 10-minute files: HTTP, two at a time",
    "speech, 10-minute files: faster-whisper, batched",
    "3 s clip alone: p95",
    "3 s clip beside long files: p95",
    *(f"processor time, 16 streams: {name}" for name in ("gateway", "chat host", "bare pipeline")),
    *(f"memory: {name}" for name in ("gateway", "chat host", "speech host", "decoder")),
    "GET /v1/models: 16 at a time",
    "GET /v1/models: median alone",
    "chat, scripted engine: 16 at a time",
    "chat, scripted engine: median alone",
    "chat, scripted engine: 16 streams",
}


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_quick_run_gives_every_figure(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    run = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--json", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr
    assert "Warning" not in run.stderr
    written = orjson.loads(file.read_bytes())
    figures = written["figures"]
    assert set(figures) == WITHOUT | set(WITH_TARGETS)
    for name, figure in figures.items():
        assert name.startswith("first token at idle: HTTP −") or figure["value"] > 0, name
        assert figure["unit"], name
        target = WITH_TARGETS.get(name)
        assert (figure["met"] is None) == (target is None), name
        if target:
            assert figure[target] is not None, name
            assert name in run.stdout, name
    assert written["machine"]["cores"]
    assert written["load_average_before"]
    assert written["versions"]["openvino-genai"]
