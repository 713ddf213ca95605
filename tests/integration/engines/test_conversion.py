"""The embedded model's weights as integers of 8 bits, beside what its file holds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from gguf import GGUFReader, dequantize

from sayso.engines.config import EngineConfig
from sayso.engines.openvino import conversion
from sayso.engines.openvino.conversion import GRAPH, converted
from sayso.engines.openvino.weights import find_weights


@pytest.fixture
def config(smollm2_folder: Path, shared_cache: Path) -> EngineConfig:
    """What tells the conversion where to read and where to write."""
    return EngineConfig("openvino", "smollm2", smollm2_folder, "ab" * 32, shared_cache)


@pytest.fixture
def graph(config: EngineConfig) -> Any:
    """The converted graph."""
    folder = converted(config)
    assert folder is not None
    return ov.Core().read_model(folder / GRAPH)


def test_every_product_has_the_values_of_the_file(config: EngineConfig, graph: Any) -> None:
    matrices = {
        tensor.name: dequantize(tensor.data, tensor.tensor_type)
        for tensor in GGUFReader(find_weights(config)).tensors
        if len(tensor.shape) == 2
    }
    lengths = {
        (matrix.shape, tuple(np.sort(np.linalg.norm(matrix, axis=1)).round(2)[-3:])): np.sort(
            np.linalg.norm(matrix, axis=1)
        )
        for matrix in matrices.values()
    }
    by_shape: dict[tuple[int, ...], list[Any]] = {}
    for (shape, _), norms in lengths.items():
        by_shape.setdefault(shape, []).append(norms)
    found = 0
    for node in graph.get_ops():
        if node.get_type_name() == "MatMul" and (joined := _int8(node.input_value(1).get_node())) is not None:
            for values in _cut(node, joined):
                norms = np.sort(np.linalg.norm(values, axis=1))  # rows may be in another order
                off = min(float(np.abs(norms / stored - 1).max()) for stored in by_shape[values.shape])
                assert off < 0.02  # the pipeline's own reading is off by a tenth
                found += 1
    assert found == len(matrices)  # the embeddings are the head as well


def test_a_vector_goes_through_one_product(graph: Any) -> None:
    products = [node for node in graph.get_ops() if node.get_type_name() == "MatMul"]
    vectors = [node.input_value(0) for node in products if _int8(node.input_value(1).get_node()) is not None]
    names = {(vector.get_node().get_friendly_name(), vector.get_index()) for vector in vectors}
    assert len(names) == len(vectors) > 100


def test_a_second_start_takes_what_is_there(
    config: EngineConfig, graph: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversion, "_convert", lambda *_: pytest.fail("converted again"))
    assert converted(config) is not None


def test_what_is_damaged_is_made_again(
    config: EngineConfig, graph: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = converted(config)
    assert whole is not None
    mine = replace(config, cache_dir=tmp_path)
    copy = tmp_path / whole.name
    copy.mkdir()
    for file in whole.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    with (copy / "openvino_model.bin").open("r+b") as weights:
        weights.seek(1_000_000)
        byte = weights.read(1)[0]
        weights.seek(1_000_000)
        weights.write(bytes([byte ^ 1]))
    made: list[Path] = []

    def convert(source: Path, folder: Path) -> None:
        made.append(source)
        (folder / GRAPH).write_text("new")

    monkeypatch.setattr(conversion, "_convert", convert)
    assert converted(mine) == copy
    assert made == [find_weights(config)]
    assert (copy / GRAPH).read_text() == "new"


def test_a_file_without_integers_is_left_to_the_pipeline(
    config: EngineConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversion, "_convert", lambda *_: None)
    assert converted(replace(config, cache_dir=tmp_path)) is None


def _int8(node: Any) -> Any:
    """Return the values of `int8 × scale`, None where it is something else."""
    while node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    if node.get_type_name() != "Multiply":
        return None
    whole = node.input_value(0).get_node().input_value(0).get_node()
    if whole.get_type_name() != "Constant" or whole.get_output_element_type(0) != ov.Type.i8:
        return None
    return whole.data.astype(np.float32) * node.input_value(1).get_node().data.astype(np.float32)


def _cut(product: Any, values: Any) -> list[Any]:
    """Return the matrices of a product of several."""
    (user, *_) = product.output(0).get_target_inputs()
    cut = user.get_node()
    if cut.get_type_name() != "VariadicSplit":
        return [values]
    lengths = cut.input_value(2).get_node().data
    return list(np.split(values, np.cumsum(lengths)[:-1]))
