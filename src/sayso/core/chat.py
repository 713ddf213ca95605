"""A chat or completion request, and the closed set of events that answers it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from sayso.core.usage import TokenUsage

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = dict[str, Json]

Role: TypeAlias = Literal["developer", "system", "user", "assistant", "tool", "function"]
FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter", "function_call"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the assistant asked for; `arguments` is JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. Content parts have been joined into `content`; it is None only beside tool calls."""

    role: Role
    content: str | None
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call; `parameters` is a JSON schema."""

    name: str
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class NamedTool:
    """The tool choice that forces one function."""

    name: str


ToolChoice: TypeAlias = Literal["none", "auto", "required"] | NamedTool


@dataclass(frozen=True, slots=True)
class TextFormat:
    """Free text."""


@dataclass(frozen=True, slots=True)
class JsonObjectFormat:
    """Any JSON object."""


@dataclass(frozen=True, slots=True)
class JsonSchemaFormat:
    """JSON that fits `schema`."""

    name: str
    schema: JsonObject
    description: str | None = None
    strict: bool = False


ResponseFormat: TypeAlias = TextFormat | JsonObjectFormat | JsonSchemaFormat


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn. Temperature 0 is greedy; `seed` makes a draw repeatable.

    None for temperature or top_p leaves it to the engine, where nothing else says 1.
    """

    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int | None = None
    logit_bias: Mapping[int, float] = field(default_factory=dict[int, float])


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A conversation to continue.

    `model` is the snapshot's id once routed. `max_tokens` None means the rest of the window. `stop`
    strings are matched in text, across token boundaries, and are not returned. `logprobs` asks for the
    chosen token's log probability, `top_logprobs` for that many alternatives besides. `id` names the
    request where its engine is asked about it later. Engines share cached work between requests of one
    `cache_salt`, and with an empty one none. Where requests wait, those of different `share` take turns.
    `whole` says that nobody reads the answer before it is complete.
    """

    model: str
    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    max_tokens: int | None = None
    n: int = 1
    stop: tuple[str, ...] = ()
    logprobs: bool = False
    top_logprobs: int = 0
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = "none"
    parallel_tool_calls: bool = True
    response_format: ResponseFormat = TextFormat()
    id: str = ""
    cache_salt: str = ""
    share: str = ""
    whole: bool = False


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """Text to continue without a chat template (the legacy endpoint).

    Each prompt is text or token ids. Choice index = prompt index × `n` + choice of that prompt.
    `logprobs` None means none; 0 the chosen tokens only; k the k best besides. `id` and
    `cache_salt` are as a chat's, and so are `share` and `whole`.
    """

    model: str
    prompts: tuple[str | tuple[int, ...], ...]
    sampling: Sampling = Sampling()
    max_tokens: int = 16
    n: int = 1
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    echo: bool = False
    id: str = ""
    cache_salt: str = ""
    share: str = ""
    whole: bool = False


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token's text, its bytes (the text may be a broken piece of UTF-8) and natural log probability."""

    token: str
    bytes: tuple[int, ...]
    logprob: float
    top: tuple["TokenLogprob", ...] = ()


@dataclass(frozen=True, slots=True)
class Started:
    """Always first: the request was accepted and its prompt counted."""

    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of choice `index`. `completion_tokens` is the request's running total over all choices."""

    index: int
    text: str
    logprobs: tuple[TokenLogprob, ...] = ()
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """More of tool call `call` of choice `index`; `id` and `name` come with its first delta only."""

    index: int
    call: int
    arguments: str = ""
    id: str | None = None
    name: str | None = None
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ChoiceFinished:
    """Choice `index` is complete; exactly one per choice."""

    index: int
    reason: FinishReason
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Finished:
    """Always last, exactly once, and only when every choice has finished."""

    usage: TokenUsage


ChatEvent: TypeAlias = Started | TextDelta | ToolCallDelta | ChoiceFinished | Finished
