"""The body of a chat completion request, as OpenAI documents it.

Types are strict and null means absent. What needs more than one field to judge is in `chat_request`.
"""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, Discriminator, Field, Tag

from sayso.api.openai.wire_types import (
    Choices,
    ModelName,
    Penalty,
    Seed,
    Stop,
    StreamOptions,
    Temperature,
    TopP,
)

FunctionName: TypeAlias = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9_-]+$")]
MessageRole: TypeAlias = Literal["developer", "system", "user", "assistant", "tool", "function"]


class ContentPart(BaseModel):
    """A part of a message's content; `type` decides which other field is meant."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: Any = None
    input_audio: Any = None
    file: Any = None
    prompt_cache_breakpoint: Any = None


def _content_kind(value: Any) -> str:
    if isinstance(value, str):
        return "#a string"
    return "#an array of objects" if isinstance(value, list) else "#"


Parts: TypeAlias = Annotated[list[ContentPart], Field(min_length=1, fail_fast=True)]
Content: TypeAlias = Annotated[
    Annotated[str, Tag("#a string")] | Annotated[Parts, Tag("#an array of objects")],
    Discriminator(_content_kind),
]


class CalledFunction(BaseModel):
    """The function of a call that an assistant message repeats."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    arguments: str


class MessageToolCall(BaseModel):
    """A call that an assistant message repeats."""

    id: Annotated[str, Field(min_length=1, max_length=256)]
    type: Literal["function", "custom"] = "function"
    function: CalledFunction | None = None
    custom: Any = None


class ChatMessage(BaseModel):
    """A message of any role; which fields a role needs is checked afterwards."""

    role: MessageRole
    content: Content | None = None
    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\s<|\\/>]+$")] | None = None
    tool_calls: Annotated[list[MessageToolCall], Field(max_length=128, fail_fast=True)] | None = None
    tool_call_id: Annotated[str, Field(max_length=256)] | None = None
    function_call: CalledFunction | None = None
    refusal: str | None = None
    annotations: Any = None
    audio: Any = None


class FunctionDefinition(BaseModel):
    """A function that the model may call."""

    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolDefinition(BaseModel):
    """A tool; only functions are served."""

    type: Literal["function", "custom"]
    function: FunctionDefinition | None = None
    custom: Any = None


class NamedFunction(BaseModel):
    """A function by its name."""

    name: Annotated[str, Field(min_length=1, max_length=64)]


class AllowedTool(BaseModel):
    """One of the tools that `allowed_tools` leaves."""

    type: Literal["function", "custom"]
    function: NamedFunction | None = None
    custom: Any = None


class AllowedTools(BaseModel):
    """A subset of the tools, and whether one must be called."""

    mode: Literal["auto", "required"]
    tools: Annotated[list[AllowedTool], Field(min_length=1, max_length=128, fail_fast=True)]


class ToolChoiceObject(BaseModel):
    """A tool choice that names tools."""

    type: Literal["function", "allowed_tools", "custom"]
    function: NamedFunction | None = None
    allowed_tools: AllowedTools | None = None
    custom: Any = None


def _word_or_object(value: Any) -> str:
    if isinstance(value, str):
        return "#a string"
    return "#an object" if isinstance(value, dict) else "#"


ToolChoiceField: TypeAlias = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("#a string")]
    | Annotated[ToolChoiceObject, Tag("#an object")],
    Discriminator(_word_or_object),
]
FunctionCallField: TypeAlias = Annotated[
    Annotated[Literal["none", "auto"], Tag("#a string")] | Annotated[NamedFunction, Tag("#an object")],
    Discriminator(_word_or_object),
]


Functions: TypeAlias = Annotated[
    list[FunctionDefinition], Field(min_length=1, max_length=128, fail_fast=True)
]


class JsonSchemaDefinition(BaseModel):
    """The schema that an answer must fit."""

    name: FunctionName
    description: str | None = None
    schema_: Annotated[dict[str, Any] | None, Field(alias="schema")] = None
    strict: bool | None = None


class ResponseFormatField(BaseModel):
    """What form the answer has."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchemaDefinition | None = None


class PromptCacheOptions(BaseModel):
    """Hints for the prompt cache, which needs none here."""

    mode: Literal["implicit", "explicit"] | None = None
    ttl: Literal["30m"] | None = None


class ChatBody(BaseModel):
    """The whole body."""

    model: ModelName
    messages: Annotated[list[ChatMessage], Field(min_length=1, fail_fast=True)]
    temperature: Temperature | None = None
    top_p: TopP | None = None
    n: Choices | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    stop: Stop | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    logit_bias: dict[str, Any] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    seed: Seed | None = None
    tools: Annotated[list[ToolDefinition], Field(min_length=1, max_length=128, fail_fast=True)] | None = None
    tool_choice: ToolChoiceField | None = None
    parallel_tool_calls: bool | None = None
    functions: Functions | None = None
    function_call: FunctionCallField | None = None
    response_format: ResponseFormatField | None = None
    service_tier: Literal["auto", "default", "flex", "scale", "priority", "fast"] | None = None
    store: bool | None = None
    metadata: dict[str, Any] | None = None
    user: str | None = None
    safety_identifier: Annotated[str, Field(max_length=64)] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None
    prompt_cache_options: PromptCacheOptions | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    modalities: Annotated[list[Literal["text", "audio"]], Field(min_length=1, max_length=2)] | None = None
    prediction: dict[str, Any] | None = None
    audio: Any = None
    web_search_options: Any = None
    moderation: Any = None
