"""whisper.cpp on the same weights, called directly by way of `pywhispercpp`.

`python bench/peer_whisper.py GGML THREADS` is what runs in the interpreter that has `pywhispercpp`: it reads
a line of JSON with names of `.npy` files and writes one with the seconds they took, one after the other.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

BEAM = 5  # whisper.cpp's own program's, and faster-whisper's


@dataclass(frozen=True, slots=True)
class Heard:
    """The seconds that recordings took in all, and their texts."""

    seconds: float
    texts: tuple[str, ...]


class WhisperCpp:
    """A process with the model loaded, stopped (SIGSTOP) unless it is asked."""

    def __init__(self, name: str, process: "subprocess.Popen[str]") -> None:
        self.name = name
        self._process = process

    def hear(self, sounds: Sequence[Path]) -> Heard:
        """Hear `.npy` files of mono samples at 16 kHz, one after the other; the language is detected.

        Raises `RuntimeError` if the process has ended.
        """
        self._process.send_signal(signal.SIGCONT)
        _pipe(self._process.stdin).write(json.dumps([str(sound) for sound in sounds]) + "\n")
        _pipe(self._process.stdin).flush()
        answer = self._read()
        self._process.send_signal(signal.SIGSTOP)
        return Heard(answer["seconds"], tuple(answer["texts"]))

    def _read(self) -> Any:
        line = _pipe(self._process.stdout).readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with status {self._process.wait()}")
        return json.loads(line)

    def await_ready(self) -> None:
        """Wait until the model is loaded."""
        self._read()
        self._process.send_signal(signal.SIGSTOP)


@contextmanager
def whisper_cpp(name: str, program: Path, weights: Path, threads: int) -> Iterator[WhisperCpp]:
    """Load `weights` in `program`, a Python that has `pywhispercpp`, until the block ends."""
    process = subprocess.Popen(
        [str(program), str(Path(__file__)), str(weights), str(threads)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        peer = WhisperCpp(name, process)
        peer.await_ready()
        yield peer
    finally:
        process.kill()
        process.communicate()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


def _serve(weights: str, threads: int) -> None:
    import numpy as np
    from pywhispercpp.model import Model  # type: ignore[import-not-found]

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whisper.cpp writes there
    model = Model(
        weights,
        params_sampling_strategy=1,
        beam_search={"beam_size": BEAM, "patience": -1.0},
        language="auto",
        n_threads=threads,
        print_progress=False,
        print_timestamps=False,
    )
    print(json.dumps("ready"), file=answers, flush=True)
    for line in sys.stdin:
        sounds = [np.load(sound) for sound in json.loads(line)]
        begun = time.perf_counter()
        texts = [" ".join(segment.text for segment in model.transcribe(sound)) for sound in sounds]
        print(json.dumps({"seconds": time.perf_counter() - begun, "texts": texts}), file=answers, flush=True)


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
