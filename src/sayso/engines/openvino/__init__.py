"""The embedded chat engine: OpenVINO GenAI's continuous batching over a GGUF file."""

import sys
from typing import Any

# OpenVINO tells its makers of each import; without this package it finds nobody to tell.
_modules: dict[str, Any] = sys.modules
_modules.setdefault("openvino_telemetry", None)
