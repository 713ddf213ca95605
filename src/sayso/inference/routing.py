"""From the model's name in a request to the engine that serves it."""

from collections.abc import Mapping
from dataclasses import dataclass

from sayso.catalog.catalogue import Catalogue, ModelListing
from sayso.catalog.snapshot import Kind, Snapshot
from sayso.engines.base import ChatEngine, EngineInfo, SpeechEngine
from sayso.errors import InvalidRequest, ModelNotFound


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
        self, catalogue: Catalogue, chat: Mapping[str, ChatEngine], speech: Mapping[str, SpeechEngine]
    ) -> None:
        self._catalogue = catalogue
        self._chat = chat
        self._speech = speech

    async def chat(self, model: str) -> ChatRoute:
        """Route a chat or completion.

        Raises `ModelNotFound`, `InvalidRequest` for a model of another kind, `EngineUnavailable` while the
        engine loads or restarts.
        """
        snapshot = self._snapshot(model, "chat")
        engine = self._chat.get(snapshot.id)
        if engine is None:
            raise ModelNotFound(model)
        return ChatRoute(model, snapshot, engine, await engine.info())

    async def speech(self, model: str) -> SpeechRoute:
        """Route a transcription, translation or language detection; raises as `chat` does."""
        snapshot = self._snapshot(model, "speech")
        engine = self._speech.get(snapshot.id)
        if engine is None:
            raise ModelNotFound(model)
        return SpeechRoute(model, snapshot, engine, await engine.info())

    def models(self) -> tuple[ModelListing, ...]:
        """Return every name that a request may use."""
        return self._catalogue.listing({*self._chat, *self._speech})

    def model(self, name: str) -> ModelListing:
        """Return one name. Raises `ModelNotFound`."""
        for listing in self.models():
            if listing.id == name:
                return listing
        raise ModelNotFound(name)

    def _snapshot(self, model: str, kind: Kind) -> Snapshot:
        snapshot = self._catalogue.resolve(model)
        if snapshot.kind != kind:
            raise InvalidRequest(
                f"The model `{model}` is not a {kind} model and is not supported by this endpoint.",
                param="model",
                code="model_not_supported",
            )
        return snapshot
