"""A GGUF file as a graph of OpenVINO's with weights of 8 bits, made once and kept among what is compiled.

The pipeline reads GGUF files itself, but rounds what it reads and builds everything anew at each start.
"""

import json
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import openvino as ov
import openvino_genai as genai

from sayso.catalog.storage import building, hash_file, locked
from sayso.engines.config import EngineConfig
from sayso.engines.openvino.int8 import to_int8
from sayso.engines.openvino.weights import find_weights
from sayso.telemetry.logging import EventLogger

log = EventLogger("engines")

VERSION: Final = 1  # of what is made here; the folder's name has it
WEIGHTS: Final = "int8 by row"
# Activations of a block of so many are rounded to 8 bits, which takes computing in 32 elsewhere.
SETTINGS: Final[Mapping[str, object]] = {
    "INFERENCE_PRECISION_HINT": "f32",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": 64,
}
GRAPH: Final = "openvino_model.xml"
_DIGESTS: Final = "digests.json"
_UNCONVERTED: Final = "unconverted"  # the graph as the pipeline reads it, while it is being converted


def converted(config: EngineConfig) -> Path | None:
    """Return the folder with graph and tokenizer, made now where it is missing or damaged.

    None where the file's weights are no integers, which the pipeline reads as well itself. Blocks for
    seconds.
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
    from sayso.engines.openvino.matrices import Matrices  # seconds of reading that most starts do without

    with ThreadPoolExecutor(1) as beside:
        matrices = beside.submit(Matrices, weights)
        graph = _read(weights, folder / _UNCONVERTED)
        replaced = to_int8(graph, matrices.result().exact)
    if replaced:
        ov.save_model(graph, folder / GRAPH, compress_to_fp16=False)
        for file in (folder / _UNCONVERTED).glob("openvino_*tokenizer.*"):
            file.rename(folder / file.name)
    del graph
    shutil.rmtree(folder / _UNCONVERTED)


def _read(weights: Path, folder: Path) -> Any:
    """Have the pipeline read a GGUF file and save what it made of it beside the file's name in `folder`."""
    folder.mkdir()
    (folder / weights.name).symlink_to(weights.resolve())
    saving = {"enable_save_ov_model": True}
    tokenizer = genai.Tokenizer(folder / weights.name, **saving)
    scheduler = genai.SchedulerConfig()
    scheduler.num_kv_blocks = 1
    genai.ContinuousBatchingPipeline(folder / weights.name, tokenizer, scheduler, "CPU", **saving)
    return ov.Core().read_model(folder / GRAPH)


def _write_digests(folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    digests = {name: hash_file(folder / name, name).sha256 for name in names}
    (folder / _DIGESTS).write_text(json.dumps(digests), encoding="utf-8")


def _is_whole(folder: Path) -> bool:
    with suppress(OSError, ValueError):
        digests = json.loads((folder / _DIGESTS).read_text(encoding="utf-8"))
        return all(hash_file(folder / name, name).sha256 == digest for name, digest in digests.items())
    return False
