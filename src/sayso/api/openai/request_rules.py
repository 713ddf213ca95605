"""Checks on fields that OpenAI's requests share and that no type can express."""

from collections.abc import Mapping
from typing import Any, Protocol

from sayso.api.field_errors import (
    above_maximum,
    below_minimum,
    combination_error,
    invalid_type,
    string_too_long,
)
from sayso.api.openai.wire_types import StreamOptions
from sayso.core.chat import Sampling
from sayso.errors import InvalidRequest

MAX_SCHEMA_DEPTH = 64


def include_usage(stream: bool, options: StreamOptions | None) -> bool:
    """Return whether the stream carries usage. Raises `InvalidRequest` for options without a stream."""
    if options is None:
        return False
    if not stream:
        raise combination_error(
            "stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        )
    return bool(options.include_usage)


def continuous_usage(options: StreamOptions | None) -> bool:
    """Return whether every chunk carries the usage so far."""
    return options is not None and bool(options.include_usage and options.continuous_usage_stats)


class SamplingFields(Protocol):
    """The fields of both bodies that say how tokens are drawn."""

    temperature: float | None
    top_p: float | None
    presence_penalty: float | None
    frequency_penalty: float | None
    seed: int | None
    logit_bias: dict[str, Any] | None


def sampling(wire: SamplingFields) -> Sampling:
    """Return how tokens are drawn. Raises `InvalidRequest` for a bad `logit_bias`."""
    return Sampling(
        temperature=wire.temperature,
        top_p=wire.top_p,
        presence_penalty=wire.presence_penalty or 0.0,
        frequency_penalty=wire.frequency_penalty or 0.0,
        seed=wire.seed,
        logit_bias=logit_bias(wire.logit_bias),
    )


def logit_bias(values: Mapping[str, Any] | None) -> dict[int, float]:
    """Return token id → bias, −100 to 100. Raises `InvalidRequest` for keys that are no token ids."""
    biases: dict[int, float] = {}
    for token, bias in (values or {}).items():
        if not (token.isascii() and token.isdigit() and len(token) <= 9):
            raise InvalidRequest(
                "Invalid key in 'logit_bias': keys must be token ids (integers as strings).",
                param="logit_bias",
                code="invalid_value",
            )
        if isinstance(bias, bool) or not isinstance(bias, int | float):
            raise invalid_type(f"logit_bias.{token}", "a number", bias)
        if bias > 100:
            raise above_maximum(f"logit_bias.{token}", bias, 100.0)
        if bias < -100:
            raise below_minimum(f"logit_bias.{token}", bias, -100.0)
        biases[int(token)] = float(bias)
    return biases


def check_metadata(values: Mapping[str, Any] | None) -> None:
    """Raise `InvalidRequest` over 16 pairs, keys over 64 characters, values over 512 or not strings."""
    if values is None:
        return
    if len(values) > 16:
        raise InvalidRequest(
            "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got "
            f"an object with {len(values)} properties instead.",
            param="metadata",
            code="object_above_max_properties",
        )
    for key, value in values.items():
        if not isinstance(value, str):
            raise invalid_type("metadata", "an object of strings", value)
        for text, limit in ((key, 64), (value, 512)):
            if len(text) > limit:
                raise string_too_long("metadata", len(text), limit)


def check_schema_depth(param: str, schema: Mapping[str, Any] | None) -> None:
    """Raise `InvalidRequest` for a JSON schema nested deeper than `MAX_SCHEMA_DEPTH`."""
    level: list[Any] = [schema]
    for _ in range(MAX_SCHEMA_DEPTH + 1):
        deeper: list[Any] = []
        for value in level:
            if isinstance(value, Mapping):
                deeper.extend(value.values())
            elif isinstance(value, list):
                deeper.extend(value)
        if not deeper:
            return
        level = deeper
    raise InvalidRequest(
        f"Invalid schema in '{param}': nested more than {MAX_SCHEMA_DEPTH} levels deep.",
        param=param,
        code="invalid_value",
    )


def stop_texts(stop: str | list[str] | None) -> tuple[str, ...]:
    """Return the stop strings, none to four."""
    if stop is None:
        return ()
    return (stop,) if isinstance(stop, str) else tuple(stop)
