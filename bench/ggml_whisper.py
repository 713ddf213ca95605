"""Whisper's weights from CTranslate2's form in ggml's, the one that whisper.cpp reads.

The form, as whisper.cpp's loader reads it (`whisper_model_load`), little endian: a magic number; eleven
numbers of 32 bits; the mel filters; the vocabulary's tokens without the special ones, each with its length;
then each tensor with its number of dimensions, the length of its name, its type, its dimensions from the
innermost, its name and its values.
"""

import json
import struct
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from faster_whisper.feature_extractor import FeatureExtractor

Array = npt.NDArray[Any]

_CT2_VERSION = 6
_CT2_TYPES = ("<f4", "i1", "<i2", "<i4", "<f2")
_MAGIC = 0x67676D6C
_HEAD_WIDTH = 64  # of every Whisper
_AUDIO_CONTEXT, _TEXT_CONTEXT = 1500, 448
_F32, _F16, _Q8_0 = 0, 1, 8  # ggml's types
_BLOCK = 32  # values that share a scale in Q8_0
_QUANTIZED = 2000  # the version of quantization, in thousands, is told with the type


class Weights(Enum):
    """How matrices are kept; the value is ggml's number of the file's type."""

    F16 = 1
    Q8_0 = 7 + _QUANTIZED


def read_ctranslate2(file: Path) -> dict[str, Array]:
    """Return every variable of a `model.bin`, as `ModelSpec.save` writes it; aliases are left out.

    Raises `ValueError` for another version of the format.
    """
    content = memoryview(file.read_bytes())
    at = 0

    def number(form: str) -> int:
        nonlocal at
        (found,) = struct.unpack_from("<" + form, content, at)
        at += struct.calcsize(form)
        return int(found)

    def text() -> str:
        nonlocal at
        length = number("H")
        at += length
        return bytes(content[at - length : at - 1]).decode()

    if (version := number("I")) != _CT2_VERSION:
        raise ValueError(f"{file.name} has version {version} of the format, not {_CT2_VERSION}")
    text(), number("I")  # the specification's name and revision
    variables: dict[str, Array] = {}
    for _ in range(number("I")):
        name = text()
        shape = [number("I") for _ in range(number("B"))]
        kind = np.dtype(_CT2_TYPES[number("B")])
        size = number("I")
        variables[name] = np.frombuffer(content[at : at + size], kind).reshape(shape)
        at += size
    return variables


def write_ggml(folder: Path, file: Path, weights: Weights = Weights.F16) -> None:
    """Write the Whisper of a folder in CTranslate2's form, with weights of 16 bits, as one file for ggml."""
    variables = read_ctranslate2(folder / "model.bin")
    mels, width = variables["encoder/conv1/weight"].shape[1], variables["decoder/embeddings/weight"].shape[1]
    layers = {side: sum(n.startswith(f"{side}/") and n.endswith("/ffn/linear_0/bias") for n in variables)
              for side in ("encoder", "decoder")}  # fmt: skip
    numbers = (
        len(variables["decoder/embeddings/weight"]),
        _AUDIO_CONTEXT, width, width // _HEAD_WIDTH, layers["encoder"],
        _TEXT_CONTEXT, width, width // _HEAD_WIDTH, layers["decoder"],
        mels, weights.value,
    )  # fmt: skip
    with file.open("wb") as out:
        out.write(struct.pack("<I11i", _MAGIC, *numbers))
        filters = FeatureExtractor(feature_size=mels).mel_filters.astype("<f4")
        out.write(struct.pack("<2i", *filters.shape) + filters.tobytes())
        tokens = _tokens(folder / "tokenizer.json")
        out.write(struct.pack("<i", len(tokens)))
        for token in tokens:
            out.write(struct.pack("<I", len(token)) + token)
        for name, value in _named(variables, layers):
            _write_tensor(out, name, value, weights)


def _tokens(file: Path) -> list[bytes]:
    vocabulary: dict[str, int] = json.loads(file.read_text(encoding="utf-8"))["model"]["vocab"]
    # Byte-level BPE writes each byte as one printable character: itself, or the next free one from U+0100.
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    bytes_of = {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}
    return [bytes(bytes_of[c] for c in token) for token in sorted(vocabulary, key=vocabulary.__getitem__)]


def _named(variables: dict[str, Array], layers: dict[str, int]) -> Iterator[tuple[str, Array]]:
    """Yield what a Whisper consists of by the names of the published checkpoints."""
    yield "encoder.positional_embedding", variables["encoder/position_encodings/encodings"]
    yield "decoder.positional_embedding", variables["decoder/position_encodings/encodings"]
    yield "decoder.token_embedding.weight", variables["decoder/embeddings/weight"]
    for conv in ("conv1", "conv2"):
        yield f"encoder.{conv}.weight", variables[f"encoder/{conv}/weight"]
        yield f"encoder.{conv}.bias", variables[f"encoder/{conv}/bias"][:, None]
    for side, last in (("encoder", "ln_post"), ("decoder", "ln")):
        yield from _norm(variables, f"{side}/layer_norm", f"{side}.{last}")
        for number in range(layers[side]):
            ours, theirs = f"{side}/layer_{number}", f"{side}.blocks.{number}"
            yield from _norm(variables, f"{ours}/self_attention/layer_norm", f"{theirs}.attn_ln")
            yield from _attention(variables, f"{ours}/self_attention", f"{theirs}.attn")
            if side == "decoder":
                yield from _norm(variables, f"{ours}/attention/layer_norm", f"{theirs}.cross_attn_ln")
                yield from _attention(variables, f"{ours}/attention", f"{theirs}.cross_attn")
            yield from _norm(variables, f"{ours}/ffn/layer_norm", f"{theirs}.mlp_ln")
            for linear, place in (("linear_0", 0), ("linear_1", 2)):
                yield f"{theirs}.mlp.{place}.weight", variables[f"{ours}/ffn/{linear}/weight"]
                yield f"{theirs}.mlp.{place}.bias", variables[f"{ours}/ffn/{linear}/bias"]


def _norm(variables: dict[str, Array], ours: str, theirs: str) -> Iterator[tuple[str, Array]]:
    yield f"{theirs}.weight", variables[f"{ours}/gamma"]
    yield f"{theirs}.bias", variables[f"{ours}/beta"]


def _attention(variables: dict[str, Array], ours: str, theirs: str) -> Iterator[tuple[str, Array]]:
    """Take apart what CTranslate2 multiplies at once: query, key and value, or key and value."""
    inputs = [number for number in range(3) if f"{ours}/linear_{number}/weight" in variables]
    *joined, last = inputs
    weight = np.concatenate([variables[f"{ours}/linear_{number}/weight"] for number in joined])
    bias = np.concatenate([variables[f"{ours}/linear_{number}/bias"] for number in joined])
    parts = zip(("query", "key", "value"), np.split(weight, 3), np.split(bias, 3), strict=True)
    for part, matrix, vector in parts:
        yield f"{theirs}.{part}.weight", matrix
        if part != "key":  # Whisper's keys have no bias
            yield f"{theirs}.{part}.bias", vector
    yield f"{theirs}.out.weight", variables[f"{ours}/linear_{last}/weight"]
    yield f"{theirs}.out.bias", variables[f"{ours}/linear_{last}/bias"]


def _write_tensor(out: BinaryIO, name: str, value: Array, weights: Weights) -> None:
    if not name.endswith(".weight") or value.ndim == 1:
        kind, content = _F32, value.astype("<f4").tobytes()
    elif weights is Weights.Q8_0 and value.ndim == 2:
        kind, content = _Q8_0, _q8_0(value)
    else:
        kind, content = _F16, value.astype("<f2").tobytes()
    told = name.encode()
    out.write(struct.pack("<3i", value.ndim, len(told), kind))
    out.write(struct.pack(f"<{value.ndim}i", *reversed(value.shape)) + told + content)


def _q8_0(value: Array) -> bytes:
    """Return blocks of 32 values: a scale of 16 bits, then each value ÷ it as 8 bits."""
    blocks = value.astype("f4").reshape(-1, _BLOCK)
    scales = np.abs(blocks).max(axis=1, keepdims=True) / 127
    steps = np.divide(blocks, scales, out=np.zeros_like(blocks), where=scales > 0)
    rows = np.empty(len(blocks), [("scale", "<f2"), ("values", "i1", _BLOCK)])
    rows["scale"], rows["values"] = scales[:, 0], np.rint(steps)
    return rows.tobytes()
