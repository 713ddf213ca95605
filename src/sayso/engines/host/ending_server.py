"""uvicorn for who ends it themselves."""

import asyncio
import contextlib
from collections.abc import Generator

import uvicorn


class EndingServer(uvicorn.Server):
    """uvicorn with the stopping left to its owner, and without ten looks a second whether that is now."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ending = asyncio.Event()

    def end(self) -> None:
        """Stop serving."""
        self.should_exit = True
        self.ending.set()

    async def main_loop(self) -> None:
        """Wait for the end."""
        await self.on_tick(0)
        await self.ending.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals alone."""
        yield
