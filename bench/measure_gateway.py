"""What the gateway alone costs: the scripted engine answers at once, so all time is ours and the client's."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median

from bench.client import Client, Load
from bench.figures import Figure

FAKE = """
load_models = ["scripted"]
log_level = "warning"
[models.scripted]
kind = "chat"
engine = "fake"
context_length = 4096
"""
MODEL = "scripted"
AT_ONCE = 16
_WORDS = " ".join(["word"] * 64)


async def measure_gateway(client: Client, requests: int) -> list[Figure]:
    """Return requests a second with 16 at a time and the median wait of one alone, by kind of request."""

    async def whole() -> None:
        await client.chat_whole("Say this.", 8, MODEL)

    figures: list[Figure] = []
    for name, ask in (("GET /v1/models", client.list_models), ("chat, scripted engine", whole)):
        await load(ask, requests // 10 + 1, 1)
        alone = await load(ask, requests // 4 + 1, 1)
        busy = await load(ask, requests, AT_ONCE)
        figures += [
            Figure(f"{name}: {AT_ONCE} at a time", busy.rate, "requests/s"),
            Figure(f"{name}: median alone", 1000 * median(alone.waits), "ms"),
        ]
    rates = [
        (await client.chat_streams([_WORDS] * AT_ONCE, 64, MODEL)).rate for _ in range(1 + requests // 100)
    ]
    name = f"chat, scripted engine: {AT_ONCE} streams"
    return [*figures, Figure(name, median(rates), "tokens/s", samples={"rates": rates})]


async def load(ask: Callable[[], Awaitable[None]], requests: int, at_once: int) -> Load:
    waits: list[float] = []
    left = iter(range(requests))

    async def work() -> None:
        for _ in left:
            begun = time.perf_counter()
            await ask()
            waits.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return Load(requests, time.perf_counter() - begun, tuple(waits))
