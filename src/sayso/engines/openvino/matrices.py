"""A GGUF file's matrices in full precision, found by the scales of their rows.

The pipeline's reading of a GGUF file rounds the offset of each block of Q4_1 to a whole step, which costs as
much precision as the quantization itself, reorders rows, and drops the tensors' names. The scales of the
blocks come through unchanged, so they tell which matrix is which, and which row.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gguf import GGUFReader, dequantize
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

# Formats whose blocks of 32 begin with a scale of two bytes.
_SCALE_FIRST = (GGMLQuantizationType.Q4_0, GGMLQuantizationType.Q4_1, GGMLQuantizationType.Q8_0)
_SCALE_BYTES = 2
_CLOSE = 0.25  # of a row's length: what the pipeline's rounding costs is a tenth


@dataclass(frozen=True, slots=True)
class _Stored:
    """A tensor of the file, and its rows in the order of their scales."""

    data: NDArray[np.uint8]
    kind: GGMLQuantizationType
    order: NDArray[np.intp]


class Matrices:
    """The quantized matrices of one file."""

    def __init__(self, file: Path) -> None:
        self._stored: dict[tuple[int, bytes], _Stored] = {}
        for tensor in GGUFReader(file).tensors:
            if tensor.tensor_type in _SCALE_FIRST and len(tensor.shape) == 2:
                _, block = GGML_QUANT_SIZES[tensor.tensor_type]
                data = np.asarray(tensor.data, dtype=np.uint8)
                blocks = data.reshape(data.shape[0], -1, block)
                order, key = _sorted(np.ascontiguousarray(blocks[:, :, :_SCALE_BYTES]))
                self._stored[data.shape[0], key] = _Stored(data, tensor.tensor_type, order)

    def exact(self, read: Matrix, scales: NDArray[np.float16]) -> Matrix:
        """Return the stored values of the matrix that the pipeline read as `read`, with a scale a block.

        Rows that are not found, or are far from what was read, stay as they were read.
        """
        order, key = _sorted(np.ascontiguousarray(scales).view(np.uint8))
        stored = self._stored.get((len(read), key))
        if stored is None:
            return read
        values = np.empty_like(read)
        values[order] = dequantize(stored.data, stored.kind).reshape(read.shape)[stored.order]
        off = np.linalg.norm(values - read, axis=1) > _CLOSE * np.linalg.norm(read, axis=1)
        values[off] = read[off]
        return values


def _sorted(scales: NDArray[np.uint8]) -> tuple[NDArray[np.intp], bytes]:
    """Return the order of the rows by their scales, and the scales in that order."""
    rows = scales.reshape(len(scales), -1)
    texts = rows.view(f"S{rows.shape[1]}").ravel()
    order = np.argsort(texts, kind="stable")
    return order, rows[order].tobytes()
