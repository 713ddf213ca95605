"""A graph's compressed weights as integers of 8 bits with one scale a row."""

from collections.abc import Callable
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

from sayso.engines.openvino.matrices import Matrix

LARGEST = 127

Exact = Callable[[Matrix, NDArray[np.float16]], Matrix]


def to_int8(graph: Any, exact: Exact) -> int:
    """Replace the compressed weights of every product in an `ov.Model`; return how many there were.

    `exact` gives better values for a matrix as the graph has it, with a scale for each of its blocks.
    Products of the same vector become one, which is cut afterwards: each row keeps its own scale, so what
    they compute is the same, and threads wait for one another less often.
    """
    alike: dict[str, list[tuple[Any, Matrix]]] = {}
    for node in graph.get_ordered_ops():
        if node.get_type_name() != "MatMul":
            continue
        found = _compressed(node.input_value(1))
        if found is not None:
            vector = node.input_value(0)
            key = f"{vector.get_node().get_friendly_name()}:{vector.get_index()}"
            alike.setdefault(key, []).append((node, exact(*found)))
    for products in alike.values():
        _replace(products)
    graph.validate_nodes_and_infer_types()
    return sum(map(len, alike.values()))


def _replace(products: list[tuple[Any, Matrix]]) -> None:
    if len(products) == 1:
        node, values = products[0]
        node.input(1).replace_source_output(_quantized(values).output(0))
        return
    vector = products[0][0].input_value(0)
    joined = ops.matmul(vector, _quantized(np.concatenate([values for _, values in products])), False, True)
    rows = ops.constant([len(values) for _, values in products], dtype=np.int64)
    cut = ops.variadic_split(joined, ops.constant(-1, dtype=np.int64), rows)
    for number, (node, _) in enumerate(products):
        node.output(0).replace(cut.output(number))


def _quantized(values: Matrix) -> Any:
    scales = np.abs(values).max(axis=1, keepdims=True) / LARGEST
    scales[scales == 0] = 1
    halves = scales.astype(np.float16)
    whole = np.rint(values / halves.astype(np.float32)).clip(-LARGEST, LARGEST).astype(np.int8)
    return ops.convert(ops.multiply(ops.convert(ops.constant(whole), "f16"), ops.constant(halves)), "f32")


def _compressed(value: Any) -> tuple[Matrix, NDArray[np.float16]] | None:
    """Return the values of `(weights - offsets) * scales`, and the scales; None if it is not that.

    Blocks are the last axis: rows × blocks × values, and 1 in the last place for offsets and scales.
    """
    node = value.get_node()
    while node.get_type_name() in ("Convert", "Reshape"):
        node = node.input_value(0).get_node()
    if node.get_type_name() != "Multiply":
        return None
    scales = _constant(node.input_value(1).get_node())
    node = node.input_value(0).get_node()
    offsets: Any = 0.0
    if node.get_type_name() == "Subtract":
        offsets = _constant(node.input_value(1).get_node())
        node = node.input_value(0).get_node()
    weights = _constant(node)
    if weights is None or scales is None or offsets is None or weights.ndim != 3:
        return None
    values = (weights - offsets) * scales.astype(np.float32)
    return values.reshape(len(values), -1), scales[:, :, 0].astype(np.float16)


def _constant(node: Any) -> NDArray[Any] | None:
    """Return a constant's numbers, whatever converts them; None if it is no constant."""
    while node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    if node.get_type_name() != "Constant":
        return None
    kind, shape = node.get_output_element_type(0), list(node.get_output_shape(0))
    if kind == ov.Type.u4:
        packed = node.data.view(np.uint8).ravel()
        pairs = np.stack([packed & 15, packed >> 4], axis=1).ravel()
        return pairs[: int(np.prod(shape))].reshape(shape).astype(np.float32)
    numbers: NDArray[Any] = np.array(node.data)
    return numbers if numbers.dtype == np.float16 else numbers.astype(np.float32)
