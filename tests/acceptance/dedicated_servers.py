"""A server with an instance, as an operator sets it up, and clients that measure it."""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import psutil
from openai import APIStatusError, AsyncOpenAI

from sayso.core.cores import usable_cores
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


def configure(
    server: RunningServer, concurrency: int, overflow: str, *more: str, name: str = "own"
) -> dict[str, Any]:
    """Set the load of an instance."""
    sayso(
        server.folder, "instances", "update", name,
        "--max-concurrency", str(concurrency), "--overflow", overflow, *more,
    )  # fmt: skip
    found = until_status(server, name, "ready")
    time.sleep(1.0)  # by then a change of the gate is in force
    return found


def other_key(server: RunningServer) -> str:
    """Make another organization, unless it is there, and return a key of it."""
    if "other" not in [one["slug"] for one in sayso(server.folder, "orgs", "list")]:
        sayso(server.folder, "orgs", "create", "--name", "Other", "--slug", "other")
    return str(sayso(server.folder, "keys", "create", "--org", "other", "--name", "test")["key"])


def instance_hosts(server: RunningServer) -> set[psutil.Process]:
    """Return the hosts that are on the core of the instances."""
    return {host for host in server.all_hosts() if host.cpu_affinity() == [usable_cores()[-1]]}


def engine_info(host: psutil.Process) -> dict[str, Any]:
    """Ask an engine host what it says of itself, past the gateway."""
    with _host_client(host) as client:
        info: dict[str, Any] = client.get("/v1/info").json()
        return info


def known_to(host: psutil.Process, request_ids: Iterable[str]) -> set[str]:
    """Return those of these requests that an engine host has been given."""
    with _host_client(host) as client:
        return {one for one in request_ids if _used(client, one)}


def _used(client: httpx.Client, request_id: str) -> bool:
    answer = client.get(f"/v1/stopped/{request_id}")
    return answer.status_code == 200 and answer.json() is not None


def _host_client(host: psutil.Process) -> httpx.Client:
    transport = httpx.HTTPTransport(uds=host.cmdline()[-1])
    return httpx.Client(transport=transport, base_url="http://engine")


async def paid_until_now(server: RunningServer, instance: str) -> int:
    """Return how many seconds are paid for of those until now, once the server has written them down.

    None is paid for twice and, without an interruption, none left out. The server writes every ten seconds
    in which nothing happens.
    """
    now, deadline = int(time.time()), time.monotonic() + 30
    while True:
        begin, end = await asyncio.to_thread(_paid, server, instance)
        if end >= now:
            return now - begin
        assert time.monotonic() < deadline
        await asyncio.sleep(0.5)


def _paid(server: RunningServer, instance: str) -> tuple[int, int]:
    segments = sorted(
        sayso(server.folder, "instances", "segments", instance), key=lambda one: int(one["start"])
    )
    for one, following in pairwise(segments):
        assert one["end"] == following["start"]
    begin, end = int(segments[0]["start"]), int(segments[-1]["end"])
    assert sum(int(one["seconds"]) for one in segments) == end - begin
    return begin, end


@asynccontextmanager
async def a_flood(
    server: RunningServer, key: str, clients: int, recording: Path | None = None
) -> AsyncGenerator[None, None]:
    """Have so many clients of a project ask without a pause, for texts or for transcripts of a recording.

    The server's own key floods the instance, on whose core they are then; any other the shared pool.
    """
    core = usable_cores()[-1 if key == server.key else 0]
    more = (str(core),) if recording is None else (str(core), str(recording))
    flood = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.acceptance.flooding", server.base_url, key, str(clients), *more
    )
    try:
        await asyncio.sleep(4)
        yield
    finally:
        flood.kill()
        await flood.wait()
        await asyncio.sleep(1.5)  # what it had under way ends


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
