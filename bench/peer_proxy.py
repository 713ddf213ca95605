"""LiteLLM's proxy with a key and spend tracking on and an answer made up on the spot, for comparison.

It is not installed with sayso: `--peer` names a Python that has `litellm[proxy]`. It keeps no database here.
"""

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.server import ServerFailed, clean_environment

MODEL = "scripted"
_KEY = "sk-bench-0000"
_START_SECONDS = 120.0
_SETTINGS = f"""
model_list:
  - model_name: {MODEL}
    litellm_params:
      model: openai/scripted
      api_key: none
      mock_response: "Say this."
      input_cost_per_token: 0.000002
      output_cost_per_token: 0.000002
general_settings:
  master_key: {_KEY}
litellm_settings:
  max_budget: 1000000
  budget_duration: 30d
"""


@dataclass(frozen=True, slots=True)
class PeerProxy:
    """A running proxy."""

    process: "subprocess.Popen[bytes]"
    base_url: str
    key: str


@contextmanager
def running_proxy(python: Path, folder: Path, port: int) -> Iterator[PeerProxy]:
    """Run the proxy with one worker until the block ends. Raises `ServerFailed`."""
    settings = folder / "proxy.yaml"
    settings.write_text(_SETTINGS, encoding="utf-8")
    command = [str(python.parent / "litellm"), "--config", str(settings), "--host", "127.0.0.1"]
    quiet = clean_environment() | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}
    with (folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--num_workers", "1"],
            stdout=log,
            stderr=log,
            cwd=folder,
            env=quiet | {"PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', '')}"},
        )
        try:
            _wait(process, f"http://127.0.0.1:{port}/health/liveliness")
            yield PeerProxy(process, f"http://127.0.0.1:{port}/v1", _KEY)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: "subprocess.Popen[bytes]", url: str) -> None:
    begun = time.monotonic()
    while time.monotonic() - begun < _START_SECONDS:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise ServerFailed("the proxy did not start")
