"""Readiness remembers a good probe, unless the engine itself says that it is away."""

from collections.abc import AsyncGenerator

from sayso.core.chat import ChatEvent, ChatRequest
from sayso.engines.base import EngineInfo
from sayso.engines.fake import FakeEngine
from sayso.errors import EngineUnavailable
from sayso.inference.readiness import Readiness


class MortalEngine(FakeEngine):
    """Counts what it is asked, and may be killed."""

    def __init__(self) -> None:
        super().__init__()
        self.chats = 0
        self.dead = False

    async def info(self) -> EngineInfo:
        if self.dead:
            raise EngineUnavailable("it is restarting")
        return await super().info()

    def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        self.chats += 1
        return super().chat(request)


async def test_a_good_probe_is_remembered() -> None:
    engine = MortalEngine()
    readiness = Readiness({"m": engine}, {})
    assert await readiness.failures() == {"m": ""}
    assert await readiness.failures() == {"m": ""}
    assert engine.chats == 1


async def test_an_engine_that_says_it_is_away_is_not_ready_at_once() -> None:
    engine = MortalEngine()
    readiness = Readiness({"m": engine}, {})
    assert await readiness.failures() == {"m": ""}
    engine.dead = True
    assert await readiness.failures() == {"m": "it is restarting"}
    engine.dead = False
    assert await readiness.failures() == {"m": ""}
