"""`python -m sayso.engines.openvino.convert FILE FOLDER PARENT`: write a GGUF file's graph in 8 bits.

A process of its own: the memory that this takes, as much again as the loaded model, goes with it.
"""

import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import openvino as ov
import openvino_genai as genai

from sayso.core.collection import reading_program
from sayso.core.core_dumps import write_no_core_dump
from sayso.core.parent import end_with_parent
from sayso.engines.openvino.conversion import GRAPH

_UNCONVERTED: Final = "unconverted"  # the graph as the pipeline reads it, while it is being converted


def main() -> int:
    """Convert; the exit status is 0 once the folder has all that it shall have."""
    end_with_parent(int(sys.argv[3]))
    write_no_core_dump()
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
    return 0


def convert(weights: Path, folder: Path) -> None:
    """Write graph and tokenizer into an empty `folder`, nothing where the file's weights are no integers."""
    with ThreadPoolExecutor(1) as beside:
        graph = beside.submit(_read, weights, folder / _UNCONVERTED)
        with reading_program():
            from sayso.engines.openvino.int8 import to_int8
            from sayso.engines.openvino.matrices import Matrices
        stored = Matrices(weights)
        read = graph.result()
    if to_int8(read, stored.exact):
        ov.save_model(read, folder / GRAPH, compress_to_fp16=False)
        for file in (folder / _UNCONVERTED).glob("openvino_*tokenizer.*"):
            file.rename(folder / file.name)
    del graph, read
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


if __name__ == "__main__":
    sys.exit(main())
