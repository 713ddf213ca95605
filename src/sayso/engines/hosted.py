"""Engines that run in a host of ours."""

from sayso.engines.base import EngineInfo
from sayso.engines.supervisor import EngineHost
from sayso.engines.upstream.chat import UpstreamChatEngine
from sayso.engines.upstream.speech import UpstreamSpeechEngine

_UNKNOWN = EngineInfo("")


class HostedChatEngine(UpstreamChatEngine):
    """Chat through `host`, which describes itself and may be down."""

    def __init__(self, host: EngineHost) -> None:
        super().__init__(host.connection, host.config.snapshot, _UNKNOWN)
        self._host = host

    async def info(self) -> EngineInfo:
        """Describe the engine. Raises `EngineUnavailable` unless the host is ready."""
        return await self._host.info()


class HostedSpeechEngine(UpstreamSpeechEngine):
    """Speech through `host`, which describes itself and may be down."""

    def __init__(self, host: EngineHost) -> None:
        super().__init__(host.connection, host.config.snapshot, _UNKNOWN, events=True)
        self._host = host

    async def info(self) -> EngineInfo:
        """Describe the engine. Raises `EngineUnavailable` unless the host is ready."""
        return await self._host.info()
