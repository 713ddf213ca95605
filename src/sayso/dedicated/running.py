"""An instance that runs on this machine: its gate, and the host behind it."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from sayso.dedicated.configuration import Configuration
from sayso.dedicated.entrance import Entrance, Seat
from sayso.dedicated.forecast import Size
from sayso.dedicated.instance import Instance
from sayso.dedicated.load import engine_cap
from sayso.engines.base import ChatEngine, EngineInfo, SpeechEngine
from sayso.engines.supervisor import EngineHost
from sayso.errors import EngineUnavailable
from sayso.ids import InstanceId, ProjectId


@dataclass(slots=True, eq=False)
class Generation:
    """A host that was started for `configuration`, with the engine in it and the requests that it has.

    `room` is how many tokens its cache holds, 0 where it has none; `holder` is who has its cores.
    """

    configuration: Configuration
    host: EngineHost
    cores: tuple[int, ...]
    room: int
    holder: object
    chat: ChatEngine | None = None
    speech: SpeechEngine | None = None
    requests: int = 0
    idle_since: float | None = None  # seconds of the monotonic clock; None until it has had requests
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    hurried: bool = False

    @property
    def places(self) -> int:
        """For how many requests of its full context there is room."""
        cap, length = engine_cap(self.configuration.load), self.configuration.context_length
        return min(cap, self.room // length) if self.room and length else cap

    @property
    def up(self) -> bool:
        """Whether it takes requests."""
        return self.host.state == "ready"

    def take(self) -> None:
        """Count a request."""
        self.requests += 1
        self.idle_since = None
        self.idle.clear()

    def let_go(self) -> None:
        """Forget one."""
        self.requests -= 1
        if not self.requests:
            self.idle_since = time.monotonic()
            self.idle.set()

    async def drained(self, seconds: float) -> bool:
        """Wait until it has no request, at most for `seconds`; tell whether it has none."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.requests and not self.hurried:
                    await self.idle.wait()
        return not self.requests

    def hurry(self) -> None:
        """Let nobody wait any more for its requests."""
        self.hurried = True
        self.idle.set()


@dataclass(frozen=True, slots=True)
class Turn:
    """A request's turn at an engine: whichever it asks for is there."""

    seat: Seat
    chat: ChatEngine | None
    speech: SpeechEngine | None
    info: EngineInfo


class RunningInstance:
    """Lets requests of one project through a gate to the host that is there when their turn comes."""

    def __init__(self, instance: Instance, generation: Generation) -> None:
        self.id: InstanceId = instance.id
        self.project_id: ProjectId = instance.project_id
        self.current = generation
        self.accepting = True
        self.entrance = Entrance(generation.configuration.load, room=generation.room)

    @property
    def snapshot(self) -> str:
        """The id of the snapshot that new requests get."""
        return self.current.configuration.snapshot

    @property
    def spills(self) -> bool:
        """Whether what is too much goes to the shared pool."""
        return self.entrance.gate.load.overflow == "spill"

    @property
    def pressure(self) -> float:
        """How full it is: requests, those that wait included, for each that may run."""
        entrance = self.entrance
        return (entrance.running + entrance.waiting) / entrance.gate.load.max_concurrency

    @asynccontextmanager
    async def enter(self, size: Size) -> AsyncGenerator[Turn, None]:
        """Wait for a turn and have it for the block.

        Who waits while another host takes over has their turn there, unless that has another snapshot.
        Raises `InstanceOverloaded` where the load settings refuse, `EngineUnavailable` without a host.
        """
        generation = self.current
        generation.take()
        try:
            async with self.entrance.enter(size) as seat:
                now = self.current
                if now is not generation and now.configuration.snapshot == generation.configuration.snapshot:
                    generation.let_go()
                    generation = now
                    generation.take()
                engine = generation.chat or generation.speech
                if engine is None:
                    raise EngineUnavailable("The instance is not ready; please retry shortly.")
                yield Turn(seat, generation.chat, generation.speech, await engine.info())
        finally:
            generation.let_go()

    def replace(self, generation: Generation) -> Generation:
        """Let another host take over; return the one before, which goes on with what it has."""
        before, self.current = self.current, generation
        self.entrance.change(generation.configuration.load, room=generation.room)
        return before
