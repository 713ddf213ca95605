"""Chat over HTTP beside other servers of the same weights."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from statistics import median

import aiohttp

from bench.client import Client
from bench.figures import Figure, ratio
from bench.measure_chat import SETTLE_SECONDS, ChatPlan
from bench.peer_llama import Peer, llama_server
from bench.workload import prompts

TARGETS = {16: 2.5, 1: 1.0}
NATIVE = "llama.cpp"


async def measure_peers(client: Client, peers: Sequence[str], weights: Path, plan: ChatPlan) -> list[Figure]:
    """Return throughput with 16 streams and with one, in turns; `peers` are programs, or `PROGRAM=GGUF`."""
    figures: list[Figure] = []
    threads = len(os.sched_getaffinity(0))
    with ExitStack() as stack:
        running = [
            stack.enter_context(llama_server(name, program, file, threads))
            for name, program, file in (_named(peer, weights) for peer in peers)
        ]
        for streams in TARGETS:
            figures += await _streams(client, running, streams, plan)
    return figures


async def _streams(client: Client, peers: Sequence[Peer], streams: int, plan: ChatPlan) -> list[Figure]:
    ours: list[float] = []
    theirs: dict[str, list[float]] = {peer.name: [] for peer in peers}
    for number in range(plan.rounds[streams]):
        asked = prompts(streams, f"peers.{streams}.{number}")
        await asyncio.sleep(SETTLE_SECONDS)
        ours.append((await client.chat_streams(asked, plan.max_tokens)).rate)
        for peer in peers:
            async with _awake(peer) as other:
                theirs[peer.name].append((await other.chat_streams(asked, plan.max_tokens)).rate)
    label = f"chat, {streams} stream{'s' if streams > 1 else ''}"
    figures = [Figure(f"{label}: beside peers", median(ours), "tokens/s")]
    for name, rates in theirs.items():
        target = TARGETS[streams] if name == NATIVE else None
        figures.append(Figure(f"{label}: {name}", median(rates), "tokens/s"))
        figures.append(ratio(f"{label}: HTTP ÷ {name}", ours, rates, at_least=target))
    return figures


@asynccontextmanager
async def _awake(peer: Peer) -> AsyncIterator[Client]:
    await asyncio.sleep(SETTLE_SECONDS)
    peer.wake()
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            yield Client(session, peer.base_url)
    finally:
        peer.sleep()


def _named(peer: str, weights: Path) -> tuple[str, Path, Path]:
    """Return a peer's name, program and weights."""
    program, _, other = peer.partition("=")
    name = "xllamacpp" if Path(program).name.startswith("python") else NATIVE
    return (f"{name}, {Path(other).stem}" if other else name), Path(program), Path(other or weights)
