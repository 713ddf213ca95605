"""The embedded Whisper's weights in ggml's form say what they said before."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor

from bench.ggml_whisper import Array, Weights, read_ctranslate2, write_ggml

TYPES: dict[int, np.dtype[Any]] = {
    0: np.dtype("<f4"),
    1: np.dtype("<f2"),
    8: np.dtype([("scale", "<f2"), ("values", "i1", 32)]),
}


def read_ggml(file: Path) -> tuple[tuple[int, ...], Array, list[bytes], dict[str, Array]]:
    """Read numbers, mel filters, tokens and tensors, those of 8 bits as what they stand for."""
    content, at = file.read_bytes(), 0

    def numbers(count: int) -> tuple[int, ...]:
        nonlocal at
        at += 4 * count
        return struct.unpack_from(f"<{count}i", content, at - 4 * count)

    def taken(size: int) -> bytes:
        nonlocal at
        at += size
        return content[at - size : at]

    head = numbers(12)
    assert head[0] == 0x67676D6C
    mels, bins = numbers(2)
    filters = np.frombuffer(taken(4 * mels * bins), "<f4").reshape(mels, bins)
    tokens = [taken(numbers(1)[0]) for _ in range(numbers(1)[0])]
    tensors: dict[str, Array] = {}
    while at < len(content):
        dimensions, length, kind = numbers(3)
        shape = numbers(dimensions)[::-1]
        name, count = taken(length).decode(), int(np.prod(shape))
        if kind == 8:
            blocks = np.frombuffer(taken(count // 32 * 34), TYPES[kind])
            value = (blocks["scale"].astype("f4")[:, None] * blocks["values"]).reshape(shape)
        else:
            value = np.frombuffer(taken(count * TYPES[kind].itemsize), TYPES[kind]).reshape(shape)
        tensors[name] = value
    return head[1:], filters, tokens, tensors


def test_every_weight_is_found_again(whisper_base_folder: Path, tmp_path: Path) -> None:
    write_ggml(whisper_base_folder, tmp_path / "weights")
    numbers, filters, tokens, tensors = read_ggml(tmp_path / "weights")
    before = read_ctranslate2(whisper_base_folder / "model.bin")

    # As Whisper's paper has them for "base", with 99 languages.
    assert numbers == (51865, 1500, 512, 8, 6, 448, 512, 8, 6, 80, 1)
    assert np.array_equal(filters, FeatureExtractor(feature_size=80).mel_filters.astype("f4"))
    assert len(tokens) == 50257
    assert (tokens[2425], tokens[0]) == (b" Hello", b"!")
    assert {bytes([byte]) for byte in range(256)} <= set(tokens)

    layers = 6
    assert len(tensors) == 3 + 4 + 4 + layers * 15 + layers * 24
    joined = before["decoder/layer_5/self_attention/linear_0/weight"]
    for place, part in enumerate(("query", "key", "value")):
        found = tensors[f"decoder.blocks.5.attn.{part}.weight"]
        assert np.array_equal(found, joined[512 * place : 512 * (place + 1)])
    both = before["decoder/layer_0/attention/linear_1/weight"]
    assert np.array_equal(tensors["decoder.blocks.0.cross_attn.key.weight"], both[:512])
    assert np.array_equal(tensors["decoder.blocks.0.cross_attn.value.weight"], both[512:])
    assert np.array_equal(tensors["encoder.conv2.weight"], before["encoder/conv2/weight"])


def test_weights_of_eight_bits_are_within_half_a_step(whisper_base_folder: Path, tmp_path: Path) -> None:
    write_ggml(whisper_base_folder, tmp_path / "weights", Weights.Q8_0)
    numbers, _, _, tensors = read_ggml(tmp_path / "weights")
    assert numbers[-1] == 2007
    before = read_ctranslate2(whisper_base_folder / "model.bin")["encoder/layer_3/ffn/linear_0/weight"]
    blocks = before.astype("f4").reshape(-1, 32)
    steps = np.abs(blocks).max(axis=1, keepdims=True) / 127
    errors = np.abs(tensors["encoder.blocks.3.mlp.0.weight"].reshape(-1, 32) - blocks)
    # Half a step, and 127 times what the scale loses with 11 bits: 127 / 2^11.
    assert (errors <= 0.563 * steps).all()
    assert errors.max() > 0


def test_another_version_of_the_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(struct.pack("<I", 5) + b"\0" * 64)
    with pytest.raises(ValueError, match="version 5"):
        read_ctranslate2(tmp_path / "model.bin")
