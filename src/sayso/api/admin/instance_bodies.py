"""What requests about dedicated instances may say."""

from typing import Annotated

from pydantic import BaseModel, Field

from sayso.dedicated.load import PRESETS, LoadSettings, Overflow, Preset
from sayso.dedicated.wishes import DRAIN_SECONDS

_Text = Annotated[str, Field(min_length=1, max_length=256)]
_Number = Annotated[int, Field(ge=0, le=10**9)]


class LoadBody(BaseModel):
    """A preset, and what shall be different from it; without one, from what was."""

    preset: Preset | None = None
    max_concurrency: _Number | None = None
    max_batch_tokens: _Number | None = None
    queue_depth: _Number | None = None
    max_wait_ms: _Number | None = None
    overflow: Overflow | None = None


class NewInstanceBody(BaseModel):
    """An instance to make; a term of 0 months is on demand, a context length of 0 the model's own."""

    project_id: _Text
    name: _Text
    model: _Text
    cores: _Number
    memory_mib: _Number
    gpus: _Number = 0
    context_length: _Number = 0
    term_months: _Number = 0
    load: LoadBody | None = None


class InstanceChangesBody(BaseModel):
    """What shall be different; what is left out stays."""

    model: _Text | None = None
    cores: _Number | None = None
    memory_mib: _Number | None = None
    gpus: _Number | None = None
    context_length: _Number | None = None
    load: LoadBody | None = None


class EndBody(BaseModel):
    """How long what runs may go on."""

    drain_seconds: _Number = DRAIN_SECONDS


def load_settings(body: LoadBody | None, before: LoadSettings) -> LoadSettings:
    """Return the load that a body asks for, where `before` is what holds without a preset."""
    if body is None:
        return before
    base = PRESETS[body.preset] if body.preset else before

    def chosen(value: int | None, known: int) -> int:
        return known if value is None else value

    return LoadSettings(
        chosen(body.max_concurrency, base.max_concurrency),
        chosen(body.max_batch_tokens, base.max_batch_tokens),
        chosen(body.queue_depth, base.queue_depth),
        chosen(body.max_wait_ms, base.max_wait_ms),
        body.overflow or base.overflow,
    )
