"""From the model's name in a request to the engine that serves it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from sayso.catalog.snapshot import Snapshot
from sayso.engines.base import ChatEngine, EngineInfo, SpeechEngine
from sayso.errors import InvalidRequest, ModelNotFound


@dataclass(frozen=True, slots=True)
class ModelListing:
    """A name that requests may use: an alias or a snapshot's own id. `created` is in Unix seconds."""

    id: str
    created: int
    owned_by: str
    snapshot: str


class ModelNames(Protocol):
    """What routing needs of the catalogue."""

    def resolve(self, name: str) -> Snapshot:
        """Follow aliases to a snapshot. Raises `ModelNotFound`."""
        ...

    def listing(self) -> tuple[ModelListing, ...]:
        """Return every name that resolves to a served snapshot."""
        ...


@dataclass(frozen=True, slots=True)
class ChatRoute:
    """Where a chat goes. `model` is the name that the caller used."""

    model: str
    snapshot: Snapshot
    engine: ChatEngine
    info: EngineInfo


@dataclass(frozen=True, slots=True)
class SpeechRoute:
    """Where speech goes. `model` is the name that the caller used."""

    model: str
    snapshot: Snapshot
    engine: SpeechEngine
    info: EngineInfo


class Router:
    """Resolves names; `chat` and `speech` map snapshot ids to the engines that serve them."""

    def __init__(
        self, names: ModelNames, chat: Mapping[str, ChatEngine], speech: Mapping[str, SpeechEngine]
    ) -> None:
        self._names = names
        self._chat = chat
        self._speech = speech

    async def chat(self, model: str) -> ChatRoute:
        """Route a chat or completion.

        Raises `ModelNotFound`, `InvalidRequest` for a model of another kind, `EngineUnavailable` while the
        engine loads or restarts.
        """
        snapshot = self._names.resolve(model)
        if snapshot.kind != "chat":
            raise InvalidRequest(
                f"The model `{model}` is not a chat model and is not supported by this endpoint.",
                param="model",
                code="model_not_supported",
            )
        engine = self._chat.get(snapshot.id)
        if engine is None:
            raise ModelNotFound(model)
        return ChatRoute(model, snapshot, engine, await engine.info())

    async def speech(self, model: str) -> SpeechRoute:
        """Route a transcription, translation or language detection; raises as `chat` does."""
        snapshot = self._names.resolve(model)
        if snapshot.kind != "speech":
            raise InvalidRequest(
                f"The model `{model}` is not a speech model and is not supported by this endpoint.",
                param="model",
                code="model_not_supported",
            )
        engine = self._speech.get(snapshot.id)
        if engine is None:
            raise ModelNotFound(model)
        return SpeechRoute(model, snapshot, engine, await engine.info())

    def models(self) -> tuple[ModelListing, ...]:
        """Return every name that a request may use."""
        return self._names.listing()

    def model(self, name: str) -> ModelListing:
        """Return one name. Raises `ModelNotFound`."""
        for listing in self._names.listing():
            if listing.id == name:
                return listing
        raise ModelNotFound(name)
