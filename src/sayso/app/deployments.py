"""From what shall be served to the engines that do it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sayso.app.planning import Deployment, engine_config
from sayso.catalog.snapshot import Snapshot, UpstreamSource
from sayso.config import Settings, read_secret
from sayso.engines.base import ChatEngine, EngineInfo, SpeechEngine
from sayso.engines.config import EngineConfig
from sayso.engines.fake import FakeEngine
from sayso.engines.fingerprint import build_of, fingerprint
from sayso.engines.hosted import HostedChatEngine, HostedSpeechEngine
from sayso.engines.process import EarlyHost
from sayso.engines.supervisor import EngineHost, HostState
from sayso.engines.upstream.chat import UpstreamChatEngine
from sayso.engines.upstream.connection import Connection, Endpoint
from sayso.engines.upstream.speech import UpstreamSpeechEngine


@dataclass(frozen=True, slots=True)
class Engines:
    """Everything that runs, by snapshot id."""

    chat: dict[str, ChatEngine]
    speech: dict[str, SpeechEngine]
    hosts: tuple[EngineHost, ...]
    connections: tuple[Connection, ...]


def build_engines(
    settings: Settings,
    deployments: tuple[Deployment, ...],
    on_state: Callable[[str, HostState], None],
    early: Callable[[EngineConfig], EarlyHost | None],
) -> Engines:
    """Return the engines, not started yet; `on_state` is told of every host's changes by snapshot id.

    `early` gives the process that has been started on a configuration before, if one has.
    """
    engines = Engines({}, {}, (), ())
    hosts: list[EngineHost] = []
    connections: list[Connection] = []
    for deployment in deployments:
        snapshot = deployment.snapshot
        if isinstance(snapshot.source, UpstreamSource):
            connections.append(_upstream(snapshot, snapshot.source, engines))
            continue
        if snapshot.engine == "mock":
            mock = FakeEngine.load(engine_config(settings, deployment))
            (engines.chat if snapshot.kind == "chat" else engines.speech)[snapshot.id] = mock
            continue
        config = engine_config(settings, deployment)
        host = EngineHost(config, on_state=partial(on_state, snapshot.id), early=early(config))
        hosts.append(host)
        if snapshot.kind == "chat":
            engines.chat[snapshot.id] = HostedChatEngine(host)
        else:
            engines.speech[snapshot.id] = HostedSpeechEngine(host)
    return Engines(engines.chat, engines.speech, tuple(hosts), tuple(connections))


def _upstream(snapshot: Snapshot, source: UpstreamSource, engines: Engines) -> Connection:
    key = read_secret(source.api_key_env) if source.api_key_env else None
    connection = Connection(Endpoint(source.base_url.rstrip("/"), api_key=key))
    settings = {"context_length": snapshot.context_length, "cache_salt": source.cache_salt}
    name = fingerprint(snapshot.digest, build_of("upstream"), settings)
    info = EngineInfo(name, snapshot.context_length)
    if snapshot.kind == "chat":
        chat = UpstreamChatEngine(connection, source.model, info, salted=source.cache_salt)
        engines.chat[snapshot.id] = chat
    else:
        engines.speech[snapshot.id] = UpstreamSpeechEngine(connection, source.model, info)
    return connection
