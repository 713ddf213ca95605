"""A server with an instance, as an operator sets it up, and clients that measure it."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openai import APIStatusError, AsyncOpenAI

from sayso.dedicated.curve import Answer
from tests.acceptance.commands import sayso
from tests.acceptance.running_server import RunningServer

SETTINGS = """
instance_cores = 1
instance_memory_mib = 6144
chat_context_length = 2048
chat_max_concurrency = 8
chat_queue_depth = 8
"""
STORY = "Write a very long story about a lighthouse, in many chapters, and begin with number {number}."


def write_settings(folder: Path, more: str = "") -> None:
    """Keep one core for instances, the other for the shared pool."""
    (folder / "sayso.toml").write_text(SETTINGS + more)


def create(server: RunningServer, name: str, *options: str, model: str = "gpt-3.5-turbo") -> dict[str, Any]:
    """Make an instance and wait until it is ready."""
    made = sayso(server.folder, "instances", "create", name, "--model", model, *options)
    return until_status(server, made["id"], "ready")


def until_status(server: RunningServer, instance: str, *wanted: str, within: float = 120.0) -> dict[str, Any]:
    """Return the instance once it has one of these statuses."""
    until = time.monotonic() + within
    while True:
        found: dict[str, Any] = sayso(server.folder, "instances", "show", instance)
        if found["status"] in wanted and not found["updating_to"]:
            return found
        assert found["status"] != "failed", found["failure"]
        assert time.monotonic() < until, found
        time.sleep(0.2)


@dataclass(slots=True)
class Reply:
    """How a request ended: `instance`, `spilled` and `processing` are what its headers say."""

    status: int
    instance: str = ""
    spilled: bool = False
    retry_after: float = 0.0
    seconds: float = 0.0
    processing: float = 0.0
    answer: Answer | None = None


async def ask(client: AsyncOpenAI, number: int, tokens: int = 32, *, words: int = 0) -> Reply:
    """Ask for a story of that many tokens, with so many more words before it."""
    text = " ".join(str(number * 31 + word * 7) for word in range(words)) + STORY.format(number=number)
    begun = time.perf_counter()
    first = last = begun
    written = 0
    try:
        stream = await client.chat.completions.with_raw_response.create(
            model="gpt-3.5-turbo",
            messages=[{"role": "user", "content": text}],
            max_tokens=tokens,
            temperature=0.0,
            stream=True,
            stream_options={"include_usage": True},
        )
        async for chunk in stream.parse():
            if chunk.usage is not None:
                written = chunk.usage.completion_tokens
            elif chunk.choices and chunk.choices[0].delta.content:
                last = time.perf_counter()
                first = last if first == begun else first
    except APIStatusError as refused:
        said = refused.response.headers
        return Reply(
            refused.status_code,
            retry_after=float(said.get("retry-after-ms", "0")) / 1_000,
            seconds=time.perf_counter() - begun,
            processing=float(said["openai-processing-ms"]) / 1_000,
        )
    headers = stream.headers
    return Reply(
        200,
        headers.get("x-sayso-instance", ""),
        headers.get("x-sayso-spilled") == "true",
        seconds=time.perf_counter() - begun,
        answer=Answer(first - begun, last - first, written),
    )


async def drive(
    client: AsyncOpenAI, concurrency: int, count: int, tokens: int = 32, *, first: int = 0, words: int = 0
) -> list[Reply]:
    """Keep `concurrency` requests under way until there were so many."""
    numbers = iter(range(first, first + count))
    replies: list[Reply] = []

    async def one() -> None:
        for number in numbers:
            reply = await ask(client, number, tokens, words=words)
            replies.append(reply)

    await asyncio.gather(*(one() for _ in range(concurrency)))
    return replies
