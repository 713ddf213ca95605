"""What prompts cost: a beginning that is cached, and a long prompt beside a running answer."""

import asyncio
import itertools
import time
from statistics import median

from bench.client import Client
from bench.figures import Figure
from bench.measure_chat import SETTLE_SECONDS

SHARED_WORDS = 430  # about 500 tokens
LONG_WORDS = 3_500  # about 4,000
ROUNDS = 5
CACHED_TARGET = 0.1
ANSWER_TOKENS = 160
USUAL_GAPS = 10

_WORDS = ("the", "keeper", "of", "a", "lighthouse", "wrote", "down", "wind", "and", "ships", "every", "night")
_fresh = itertools.count()


async def measure_prompts(client: Client) -> list[Figure]:
    """Return what a cached beginning saves of the first token, and how long a long prompt holds up others."""
    return [*await _cached(client), *await _held_up(client)]


async def _cached(client: Client) -> list[Figure]:
    first, again = [], []
    for _ in range(ROUNDS):
        shared = _text(SHARED_WORDS)
        await asyncio.sleep(SETTLE_SECONDS)
        first.append(1000 * await client.first_token(f"{shared} Why?"))
        await asyncio.sleep(SETTLE_SECONDS)
        again.append(1000 * await client.first_token(f"{shared} How?"))
    samples = {"uncached": first, "cached": again}
    shares = [b / a for a, b in zip(first, again, strict=True)]
    return [
        Figure("first token, 500 tokens: uncached", median(first), "ms"),
        Figure("first token, 500 tokens: cached", median(again), "ms"),
        Figure(
            "first token, 500 tokens: cached ÷ uncached", median(shares), "×",
            at_most=CACHED_TARGET, samples=samples,
        ),
    ]  # fmt: skip


async def _held_up(client: Client) -> list[Figure]:
    gaps: list[float] = []
    runs = asyncio.Event()
    running = asyncio.create_task(_gaps(client, gaps, runs))
    await runs.wait()
    usual = median(gaps)
    first = await client.first_token(_text(LONG_WORDS))
    await running
    return [
        Figure("a 4,000-token prompt: its first token", 1000 * first, "ms"),
        Figure("beside it, a running stream's usual gap", 1000 * usual, "ms"),
        Figure("beside it, a running stream's longest gap", 1000 * max(gaps), "ms"),
    ]


async def _gaps(client: Client, gaps: list[float], runs: asyncio.Event) -> None:
    """Take down the seconds between a stream's pieces; `runs` is set once there are some."""
    last = None
    async for _ in client.contents(f"{_text(5)} Tell a long story about it.", ANSWER_TOKENS):
        now = time.perf_counter()
        if last is not None:
            gaps.append(now - last)
        last = now
        if len(gaps) == USUAL_GAPS:
            runs.set()


def _text(words: int) -> str:
    """Return text that no cache knows."""
    chosen = itertools.islice(itertools.cycle(_WORDS), words)
    return f"({next(_fresh)}.{time.time_ns()}) {' '.join(chosen)}."
