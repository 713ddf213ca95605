"""What a request asks for, as the pipeline's settings."""

import secrets
from typing import Any

import openvino_genai as genai

from sayso.core.chat import (
    ChatRequest,
    CompletionRequest,
    JsonObjectFormat,
    JsonSchemaFormat,
    NamedTool,
    Sampling,
    TextFormat,
)
from sayso.engines.openvino.calls import named_grammar, required_grammar
from sayso.engines.openvino.grammar import json_object
from sayso.engines.openvino.schema import SchemaRefused, schema_grammar
from sayso.errors import InvalidRequest, UnsupportedParameter

_COLDEST = 1e-3  # below this temperature, and at top_p 0, the best token wins anyway


def refuse_unsupported(request: ChatRequest | CompletionRequest) -> None:
    """Refuse by name what the pipeline can not do. Raises `UnsupportedParameter`."""
    if request.sampling.logit_bias:
        raise UnsupportedParameter("logit_bias")
    match request:
        case ChatRequest():
            if request.top_logprobs:
                raise UnsupportedParameter("top_logprobs")
        case CompletionRequest():
            if request.logprobs:
                raise UnsupportedParameter("logprobs")
            if request.echo and request.logprobs is not None:
                raise UnsupportedParameter(
                    "echo", "'echo' together with 'logprobs' is not supported with this model."
                )


def grammar_for(request: ChatRequest) -> str | None:
    """Return the grammar that the answer is held to. Raises `InvalidRequest` for a schema it can not keep."""
    param = "tools"
    try:
        match request.tool_choice:
            case NamedTool(name):
                tool = next((tool for tool in request.tools if tool.name == name), None)
                if tool is None:
                    raise InvalidRequest(f"Tool choice '{name}' is not among the tools.", param="tool_choice")
                return named_grammar(tool)
            case "required":
                if not request.tools:
                    raise InvalidRequest("'tool_choice' needs 'tools'.", param="tool_choice")
                return required_grammar(request.tools)
            case "none" | "auto":
                pass
        param = "response_format"
        match request.response_format:
            case JsonObjectFormat():
                return json_object()
            case JsonSchemaFormat(schema=schema):
                return schema_grammar(schema)
            case TextFormat():
                return None
    except SchemaRefused as refusal:
        raise InvalidRequest(
            f"Invalid schema in '{param}': {refusal}.", param=param, code="invalid_value"
        ) from None


def settings_for(
    sampling: Sampling, *, max_tokens: int, eos: int, choice: int, logprobs: bool, grammar: str | None = None
) -> Any:
    """Return a checked `openvino_genai.GenerationConfig` for choice number `choice` of a request."""
    settings = genai.GenerationConfig(
        eos_token_id=eos,
        max_new_tokens=max_tokens,
        logprobs=int(logprobs),
        presence_penalty=sampling.presence_penalty,
        frequency_penalty=sampling.frequency_penalty,
        rng_seed=fold_seed(sampling.seed, choice),
    )
    temperature = 1.0 if sampling.temperature is None else sampling.temperature
    top_p = 1.0 if sampling.top_p is None else sampling.top_p
    if temperature >= _COLDEST and top_p > 0:
        settings.do_sample = True
        settings.temperature = temperature
        settings.top_p = top_p
    if grammar is not None:
        settings.structured_output_config = genai.StructuredOutputConfig(grammar=grammar)
    settings.validate()
    return settings


def fold_seed(seed: int | None, choice: int) -> int:
    """Return 32 bits of any integer and a choice's number; random ones where there is no seed."""
    if seed is None:
        return secrets.randbits(32)
    wide = (seed + choice) % 2**64
    return (wide ^ (wide >> 32)) % 2**32
