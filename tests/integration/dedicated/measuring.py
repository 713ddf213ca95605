"""Drives engines and measures their answers, from the outside."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from sayso.core.chat import ChatEvent, ChatRequest, Finished, Message, Sampling, TextDelta

STORY = (
    "Write a very long and detailed story about the keeper of a lighthouse, number {number}, "
    "and do not stop before it is a book."
)
Ask = Callable[[ChatRequest], AsyncGenerator[ChatEvent, None]]


@dataclass(slots=True)
class Timing:
    """One answer: seconds to the first token and for each after it, and how many there were."""

    first: float
    each: float
    tokens: int


@dataclass(slots=True)
class Timings:
    """Many answers."""

    all: list[Timing] = field(default_factory=list)
    seconds: float = 0.0

    def first(self, share: float) -> float:
        """Return a quantile of the time to the first token."""
        return quantile([one.first for one in self.all], share)

    def each(self, share: float) -> float:
        """Return a quantile of the time for each further token."""
        return quantile([one.each for one in self.all], share)

    @property
    def throughput(self) -> float:
        """Tokens a second of all answers together."""
        return sum(one.tokens for one in self.all) / self.seconds

    def __str__(self) -> str:
        return (
            f"{len(self.all)} answers, {self.throughput:.0f} tokens/s, "
            f"first token p50 {self.first(0.5):.3f} s p95 {self.first(0.95):.3f} s, "
            f"each p50 {self.each(0.5) * 1e3:.1f} ms p95 {self.each(0.95) * 1e3:.1f} ms"
        )


def quantile(values: list[float], share: float) -> float:
    """Return the value below which that share of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def story(number: int, tokens: int, prompt: int = 0) -> ChatRequest:
    """A request whose answer has as many tokens as it may, with `prompt` more words to read."""
    padding = " ".join(f"w{number * 7 + at}" for at in range(prompt))
    text = f"{padding} {STORY.format(number=number)}"
    return ChatRequest("m", (Message("user", text),), Sampling(temperature=0.0), max_tokens=tokens)


async def timed(events: AsyncGenerator[ChatEvent, None]) -> Timing:
    """Read an answer to its end."""
    begun = time.perf_counter()
    first = last = 0.0
    tokens = 0
    async with aclosing(events):
        async for event in events:
            if isinstance(event, TextDelta) and event.text:
                last = time.perf_counter()
                first = first or last
            elif isinstance(event, Finished):
                tokens = event.usage.completion_tokens
    return Timing(first - begun, (last - first) / max(1, tokens - 1), tokens)


async def drive(ask: Ask, concurrency: int, answers: int, tokens: int = 64, prompt: int = 0) -> Timings:
    """Keep `concurrency` requests under way until there are so many answers."""
    timings = Timings()
    numbers = iter(range(answers))
    begun = time.perf_counter()

    async def client() -> None:
        for number in numbers:
            timings.all.append(await timed(ask(story(number, tokens, prompt))))

    await asyncio.gather(*(client() for _ in range(concurrency)))
    timings.seconds = time.perf_counter() - begun
    return timings
