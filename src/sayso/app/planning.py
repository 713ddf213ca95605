"""From the settings to what shall be served: which snapshots, on what, with which limits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sayso.catalog.catalogue import EMBEDDED_CHAT, EMBEDDED_SPEECH, Catalogue
from sayso.catalog.materialize import materialize, pin
from sayso.catalog.snapshot import HubSource, Snapshot, UpstreamSource
from sayso.config import SCRIPTED, Settings
from sayso.dedicated.machine import this_machine
from sayso.engines.config import EngineConfig
from sayso.errors import ConfigurationError, ModelNotFound

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Deployment:
    """A snapshot with the folder of its verified files, None where another server has them."""

    snapshot: Snapshot
    folder: Path | None


def plan(settings: Settings, catalogue: Catalogue) -> tuple[Snapshot, ...]:
    """Return the snapshots to serve: those that are named, or the embedded ones and the operator's own.

    Those that a project has pinned are served too, as far as they are on this machine. Raises
    `ConfigurationError` for a name that is not in the catalogue.
    """
    names = settings.load_models or (EMBEDDED_CHAT, EMBEDDED_SPEECH, *settings.models)
    try:
        snapshots = {snapshot.id: snapshot for snapshot in map(catalogue.resolve, names)}
    except ModelNotFound as error:
        raise ConfigurationError(f"setting 'load_models': {error.message}") from None
    pinned = {pin.snapshot for pin in catalogue.names.pins.values()}
    here = {snapshot.id: snapshot for snapshot in catalogue.snapshots if not _is_to_pull(snapshot)}
    return tuple({**snapshots, **{name: here[name] for name in sorted(pinned) if name in here}}.values())


def _is_to_pull(snapshot: Snapshot) -> bool:
    return isinstance(snapshot.source, HubSource) and not snapshot.files


def prepare(snapshots: tuple[Snapshot, ...], models_dir: Path, progress: Progress) -> tuple[Deployment, ...]:
    """Join, verify or find the files of every snapshot; `progress` gets a name, bytes done, bytes in all."""
    return tuple(_prepare(snapshot, models_dir, progress) for snapshot in snapshots)


def _prepare(snapshot: Snapshot, models_dir: Path, progress: Progress) -> Deployment:
    if isinstance(snapshot.source, UpstreamSource) or snapshot.engine in SCRIPTED:
        return Deployment(snapshot, None)
    pinned = pin(snapshot, models_dir, progress)
    return Deployment(pinned, materialize(pinned, models_dir, progress))


def engine_config(settings: Settings, deployment: Deployment) -> EngineConfig:
    """Return what the deployment's host is started with."""
    snapshot = deployment.snapshot
    chat = snapshot.kind == "chat"
    entry = settings.models.get(snapshot.id)
    cores = _pool_cores(settings)
    return EngineConfig(
        engine=snapshot.engine,
        snapshot=snapshot.id,
        folder=deployment.folder or settings.data_dir,
        digest=snapshot.digest,
        cache_dir=settings.data_dir / "cache" / snapshot.digest[:12],
        context_length=_pool_context(settings, snapshot),
        cache_tokens=settings.chat_cache_tokens,
        answer_tokens=snapshot.answer_tokens,
        threads=(settings.chat_threads if chat else settings.speech_threads) or len(cores),
        max_concurrency=settings.chat_max_concurrency if chat else settings.speech_max_concurrency,
        queue_depth=settings.chat_queue_depth if chat else settings.speech_queue_depth,
        cores=cores,
        yielding=bool(cores),
        script=entry.script if entry else "",
        files=snapshot.files,
    )


def hosts_at_once(cores: Sequence[int]) -> int:
    """Return how many hosts load at a time: one core is left to the gateway."""
    return max(len(cores) - 1, 1)


def _pool_context(settings: Settings, snapshot: Snapshot) -> int:
    """Return the longest context of the shared pool in tokens, 0 for what the weights say."""
    bounds = (snapshot.context_length, settings.chat_context_length)
    return min((bound for bound in bounds if bound), default=0)


def _pool_cores(settings: Settings) -> tuple[int, ...]:
    """Return the cores of the shared pool, none where it has the machine for itself."""
    if not settings.instance_cores:
        return ()
    return this_machine(settings.instance_cores, settings.instance_memory_mib).pool_cores
