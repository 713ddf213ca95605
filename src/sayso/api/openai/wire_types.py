"""Field types that several of OpenAI's requests share.

A union's alternatives carry tags that start with `#` and read as English: `validation` leaves them out of
paths and lists them in messages.
"""

from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, Discriminator, Field, Tag

ModelName: TypeAlias = Annotated[str, Field(min_length=1, max_length=256)]
Temperature: TypeAlias = Annotated[float, Field(ge=0.0, le=2.0)]
TopP: TypeAlias = Annotated[float, Field(ge=0.0, le=1.0)]
Penalty: TypeAlias = Annotated[float, Field(ge=-2.0, le=2.0)]
Choices: TypeAlias = Annotated[int, Field(ge=1, le=128)]
Seed: TypeAlias = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
StopText: TypeAlias = Annotated[str, Field(min_length=1, max_length=1024)]


def _text_or_array(value: Any) -> str:
    if isinstance(value, str):
        return "#a string"
    return "#an array of strings" if isinstance(value, list) else "#"


Stop: TypeAlias = Annotated[
    Annotated[StopText, Tag("#a string")]
    | Annotated[list[StopText], Field(min_length=1, max_length=4), Tag("#an array of strings")],
    Discriminator(_text_or_array),
]


class StreamOptions(BaseModel):
    """`include_obfuscation` is accepted and not needed: nothing is added to chunks.

    `continuous_usage_stats` is vLLM's and ours: usage so far on every chunk.
    """

    include_usage: bool | None = None
    include_obfuscation: bool | None = None
    continuous_usage_stats: bool | None = None
