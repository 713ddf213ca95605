"""A GGUF file as a graph of OpenVINO's with weights of 8 bits, made once and kept among what is compiled.

The pipeline reads GGUF files itself, but rounds what it reads and builds everything anew at each start.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import openvino_genai as genai

from sayso.catalog.storage import building, hash_file, locked
from sayso.engines.config import EngineConfig
from sayso.engines.openvino.weights import find_weights
from sayso.errors import EngineFailed
from sayso.telemetry.logging import EventLogger

log = EventLogger("engines")

VERSION: Final = 2  # of what is made here; the folder's name has it
WEIGHTS: Final = "int8 by row"
# Activations of a block of so many are rounded to 8 bits, which takes computing in 32 elsewhere.
SETTINGS: Final[Mapping[str, object]] = {
    "INFERENCE_PRECISION_HINT": "f32",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": 64,
}
GRAPH: Final = "openvino_model.xml"
_DIGESTS: Final = "digests.json"


def converted(config: EngineConfig) -> Path | None:
    """Return the folder with graph and tokenizer, made now where it is missing or damaged.

    None where the file's weights are no integers, which the pipeline reads as well itself. Blocks for
    seconds. Raises `EngineFailed`.
    """
    folder = config.cache_dir / f"int8-{VERSION}-{genai.__version__}"
    with locked(config.cache_dir):
        if not _is_whole(folder):
            shutil.rmtree(folder, ignore_errors=True)
            log.info("converting", model=config.snapshot)
            with building(folder) as new:
                _convert(find_weights(config), new)
                _write_digests(new)
    return folder if (folder / GRAPH).exists() else None


def _convert(weights: Path, folder: Path) -> None:
    """Have another process do it. Raises `EngineFailed`."""
    module = "sayso.engines.openvino.convert"
    command = (sys.executable, "-m", module, str(weights), str(folder), str(os.getpid()))
    nothing = subprocess.DEVNULL  # this process's own output is its supervisor's
    ended = subprocess.run(command, stdin=nothing, stdout=nothing, check=False)  # noqa: S603
    if ended.returncode:
        raise EngineFailed(f"{weights.name} could not be converted (exit status {ended.returncode})")


def _write_digests(folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    digests = {name: hash_file(folder / name, name).sha256 for name in names}
    (folder / _DIGESTS).write_text(json.dumps(digests), encoding="utf-8")


def _is_whole(folder: Path) -> bool:
    with suppress(OSError, ValueError):
        digests = json.loads((folder / _DIGESTS).read_text(encoding="utf-8"))
        return all(hash_file(folder / name, name).sha256 == digest for name, digest in digests.items())
    return False
