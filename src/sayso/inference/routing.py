"""From the model's name in a request to the engine that serves it."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

from sayso.catalog.catalogue import Catalogue, ModelListing
from sayso.catalog.names import Deprecation
from sayso.catalog.snapshot import Kind, Snapshot
from sayso.core.caller import Caller, ModelPermission
from sayso.dedicated.running import RunningInstance
from sayso.engines.base import ChatEngine, EngineInfo, SpeechEngine
from sayso.errors import InvalidRequest, ModelNotFound, PermissionRefused


@dataclass(frozen=True, slots=True)
class ChatRoute:
    """Where a chat goes. `model` is the name that the caller used, `deprecation` what is said of its end.

    `instance` is the dedicated one whose turn is to be waited for, `pool` the shared engine of the same
    snapshot, and `spilled` tells that a request goes there because the instance had no room.
    """

    model: str
    snapshot: Snapshot
    engine: ChatEngine
    info: EngineInfo
    deprecation: Deprecation | None = None
    instance: RunningInstance | None = None
    pool: ChatEngine | None = None
    spilled: bool = False


@dataclass(frozen=True, slots=True)
class SpeechRoute:
    """Where speech goes, as `ChatRoute` says it for chats."""

    model: str
    snapshot: Snapshot
    engine: SpeechEngine
    info: EngineInfo
    deprecation: Deprecation | None = None
    instance: RunningInstance | None = None
    pool: SpeechEngine | None = None
    spilled: bool = False

    @property
    def own_cores(self) -> tuple[int, ...]:
        """The instance's cores, where its requests' files are decoded too; empty for the shared pool's."""
        return self.instance.current.cores if self.instance else ()


class Instances(Protocol):
    """The dedicated instances that run here."""

    def find(self, project_id: str, snapshot: str) -> RunningInstance | None:
        """Return a project's instance of a snapshot that takes requests."""
        ...

    def snapshots(self, project_id: str) -> AbstractSet[str]:
        """Return the ids of the snapshots that a project has instances of."""
        ...


class Router:
    """Resolves names; `chat` and `speech` map snapshot ids to the engines that serve them.

    A project that has an instance of a snapshot is served by it, and by the shared pool while it has none
    that takes requests; never by another project's.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        chat: Mapping[str, ChatEngine],
        speech: Mapping[str, SpeechEngine],
        instances: Instances | None = None,
    ) -> None:
        self.catalogue = catalogue
        self._instances = instances
        self._chat = chat
        self._speech = speech

    @property
    def served(self) -> frozenset[str]:
        """The ids of the snapshots that are served."""
        return frozenset((*self._chat, *self._speech))

    async def chat(self, model: str, caller: Caller | None = None) -> ChatRoute:
        """Route a chat or completion of a caller, or of somebody who may use everything.

        Raises `ModelNotFound`, also as `ModelRetired`, `PermissionRefused` for a model that is not permitted,
        `InvalidRequest` for a model of another kind, `EngineUnavailable` while the engine loads or restarts.
        """
        snapshot, deprecation = self._snapshot(model, "chat", caller)
        engine = self._chat.get(snapshot.id)
        if (instance := self._instance(snapshot, caller)) and (own := instance.current.chat):
            return ChatRoute(model, snapshot, own, await own.info(), deprecation, instance, engine)
        if engine is None:
            raise ModelNotFound(model)
        return ChatRoute(model, snapshot, engine, await engine.info(), deprecation)

    async def speech(self, model: str, caller: Caller | None = None) -> SpeechRoute:
        """Route a transcription, translation or language detection; raises as `chat` does."""
        snapshot, deprecation = self._snapshot(model, "speech", caller)
        engine = self._speech.get(snapshot.id)
        if (instance := self._instance(snapshot, caller)) and (own := instance.current.speech):
            return SpeechRoute(model, snapshot, own, await own.info(), deprecation, instance, engine)
        if engine is None:
            raise ModelNotFound(model)
        return SpeechRoute(model, snapshot, engine, await engine.info(), deprecation)

    def models(self, caller: Caller | None = None) -> tuple[ModelListing, ...]:
        """Return every name that such a caller's request may use."""
        served = self.listing(_project(caller))
        permission = _permission(caller)
        if permission is None:
            return served
        return tuple(one for one in served if permission.permits(self._names(one.id, one.snapshot, caller)))

    def listing(self, project: str | None = None) -> tuple[ModelListing, ...]:
        """Return every name that is served, as it stands for a project, whatever that may use."""
        own = self._instances.snapshots(project) if self._instances and project else frozenset[str]()
        return self.catalogue.listing(self.served | own, project)

    def model(self, name: str, caller: Caller | None = None) -> ModelListing:
        """Return one name; raises as `chat` does, save `EngineUnavailable`."""
        for listing in self.listing(_project(caller)):
            if listing.id == name:
                self._check(name, listing.snapshot, caller)
                return listing
        snapshot = self.catalogue.resolve(name, _project(caller)).id
        self._check(name, snapshot, caller)
        self.catalogue.deprecation(name, snapshot)
        raise ModelNotFound(name)

    def _names(self, model: str, snapshot: str, caller: Caller | None) -> tuple[str, ...]:
        """All names of a snapshot: what is permitted, or not, under one of them is so under all."""
        listed = self.catalogue.listing({snapshot}, _project(caller))
        return (model, *(listing.id for listing in listed))

    def _check(self, model: str, snapshot: str, caller: Caller | None) -> None:
        permission = _permission(caller)
        if permission is not None and not permission.permits(self._names(model, snapshot, caller)):
            raise PermissionRefused(
                f"Your project does not have access to the model `{model}`.", code="model_not_found"
            )

    def _instance(self, snapshot: Snapshot, caller: Caller | None) -> RunningInstance | None:
        if self._instances is None or caller is None:
            return None
        return self._instances.find(caller.project_id, snapshot.id)

    def _snapshot(self, model: str, kind: Kind, caller: Caller | None) -> tuple[Snapshot, Deprecation | None]:
        snapshot = self.catalogue.resolve(model, _project(caller))
        self._check(model, snapshot.id, caller)
        deprecation = self.catalogue.deprecation(model, snapshot.id)
        if snapshot.kind != kind:
            raise InvalidRequest(
                f"The model `{model}` is not a {kind} model and is not supported by this endpoint.",
                param="model",
                code="model_not_supported",
            )
        return snapshot, deprecation


def _permission(caller: Caller | None) -> ModelPermission | None:
    return None if caller is None else caller.models


def _project(caller: Caller | None) -> str | None:
    return None if caller is None else caller.project_id
