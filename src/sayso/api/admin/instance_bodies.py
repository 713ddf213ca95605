"""What requests about dedicated instances may say."""

from typing import Annotated

from pydantic import BaseModel, Field

from sayso.dedicated.load import LoadChanges, Overflow, Preset
from sayso.dedicated.wishes import DRAIN_SECONDS, Changes

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

    def named(self) -> LoadChanges:
        """Return what is named."""
        return LoadChanges(**self.model_dump())


class NewInstanceBody(BaseModel):
    """An instance to make; a term of 0 months is on demand, a context length of 0 the model's own."""

    project_id: _Text
    name: _Text
    model: _Text
    cores: _Number
    memory_mib: _Number
    gpus: _Number = 0
    vram_mib: _Number = 0
    context_length: _Number = 0
    term_months: _Number = 0
    load: LoadBody | None = None


class InstanceChangesBody(BaseModel):
    """What shall be different; what is left out stays."""

    model: _Text | None = None
    cores: _Number | None = None
    memory_mib: _Number | None = None
    gpus: _Number | None = None
    vram_mib: _Number | None = None
    context_length: _Number | None = None
    load: LoadBody | None = None

    def named(self) -> Changes:
        """Return what is named."""
        load = self.load.named() if self.load else LoadChanges()
        share = (self.cores, self.memory_mib, self.gpus, self.vram_mib)
        return Changes(self.model, *share, self.context_length, load)


class EndBody(BaseModel):
    """How long what runs may go on."""

    drain_seconds: _Number = DRAIN_SECONDS
