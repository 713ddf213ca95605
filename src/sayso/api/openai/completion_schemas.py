"""The body of a legacy completion request."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

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


class CompletionBody(BaseModel):
    """The whole body; the forms of `prompt` are told apart afterwards."""

    model: ModelName
    prompt: Any = None
    best_of: Annotated[int, Field(ge=1, le=128)] | None = None
    echo: bool | None = None
    frequency_penalty: Penalty | None = None
    logit_bias: dict[str, Any] | None = None
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None
    max_tokens: Annotated[int, Field(ge=0)] | None = None
    n: Choices | None = None
    presence_penalty: Penalty | None = None
    seed: Seed | None = None
    stop: Stop | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    suffix: str | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    user: str | None = None
