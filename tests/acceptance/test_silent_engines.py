"""The engines' libraries tell their makers nothing."""

import subprocess
import sys
from pathlib import Path

from tests.acceptance.running_server import RunningServer

WHO_IS_TOLD = "import sayso.engines.openvino, openvino.tools.ovc as o; print(type(o.telemetry).__module__)"


def test_openvino_finds_nobody_to_tell() -> None:
    told = subprocess.run([sys.executable, "-c", WHO_IS_TOLD], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "openvino.tools.ovc.telemetry_stub"


def test_onnx_runtime_notes_nothing_down_to_tell(server: RunningServer) -> None:
    process = server.hosts()["whisper"]
    assert "ORT_DISABLE_TELEMETRY=1" in Path(f"/proc/{process.pid}/environ").read_text().split("\0")
    assert not [file.path for file in process.open_files() if "onnxruntime" in file.path]
