"""Chat over HTTP beside the bare pipeline."""

import asyncio
from dataclasses import dataclass
from statistics import median

import psutil

from bench.bare_process import BareProcess
from bench.client import Client, Load
from bench.figures import Figure, ratio
from bench.server import Server, processor_seconds
from bench.workload import prompts

TARGET_STREAMS = 16
THROUGHPUT_TARGET = 0.97
FIRST_TOKEN_TARGET = 5.0  # ms
SETTLE_SECONDS = 0.3  # until the other side's threads have stopped spinning


@dataclass(frozen=True, slots=True)
class ChatPlan:
    """How much is asked: rounds for each number of streams, tokens an answer, single first tokens."""

    rounds: dict[int, int]
    max_tokens: int
    first_tokens: int


FULL = ChatPlan({TARGET_STREAMS: 6, 1: 3, 32: 3}, 64, 15)
QUICK = ChatPlan({TARGET_STREAMS: 1, 1: 1, 32: 1}, 16, 3)


async def measure_chat(client: Client, bare: BareProcess, plan: ChatPlan, server: Server) -> list[Figure]:
    """Return throughput and processor time at each number of streams, and the latency that HTTP adds."""
    await client.chat_streams(prompts(2, "warm"), 8)
    bare.ask("streams", prompts(2, "warm"), 8)
    figures: list[Figure] = []
    for streams, rounds in plan.rounds.items():
        clock = ProcessorClock({**server.processes(), "bare pipeline": bare.process})
        measured, tokens = await _throughput(client, bare, streams, rounds, plan.max_tokens)
        figures += measured
        if streams == TARGET_STREAMS:
            figures += clock.figures(*tokens)
    return figures + await _first_token(client, bare, plan.first_tokens)


class ProcessorClock:
    """The processor time that processes use from now on: it tells where time goes, on a busy machine too."""

    def __init__(self, processes: dict[str, psutil.Process]) -> None:
        self._processes = {name: processes[name] for name in ("gateway", "chat host", "bare pipeline")}
        self._begun = {name: processor_seconds(process) for name, process in self._processes.items()}

    def figures(self, ours: int, bare: int) -> list[Figure]:
        """Return milliseconds a token, of the server's tokens and of the bare pipeline's own."""
        return [
            Figure(
                f"processor time, {TARGET_STREAMS} streams: {name}",
                1000
                * (processor_seconds(process) - self._begun[name])
                / (bare if name == "bare pipeline" else ours),
                "ms/token",
            )
            for name, process in self._processes.items()
        ]


async def _throughput(
    client: Client, bare: BareProcess, streams: int, rounds: int, max_tokens: int
) -> tuple[list[Figure], tuple[int, int]]:
    """Return the figures, and the tokens that the server and the bare pipeline generated."""
    ours: list[Load] = []
    theirs: list[Load] = []
    for number in range(rounds):
        asked = prompts(streams, f"{streams}.{number}")
        for side in ("http", "bare") if number % 2 == 0 else ("bare", "http"):
            await asyncio.sleep(SETTLE_SECONDS)
            if side == "http":
                ours.append(await client.chat_streams(asked, max_tokens))
            else:
                theirs.append(bare.ask("streams", asked, max_tokens))
    target = THROUGHPUT_TARGET if streams == TARGET_STREAMS else None
    label = f"chat, {streams} stream{'s' if streams > 1 else ''}"
    speeds, bare_speeds = [load.rate for load in ours], [load.rate for load in theirs]
    figures = [
        Figure(
            f"{label}: HTTP", median(speeds), "tokens/s", samples={"tokens": [load.count for load in ours]}
        ),
        Figure(
            f"{label}: bare pipeline",
            median(bare_speeds),
            "tokens/s",
            samples={"tokens": [load.count for load in theirs]},
        ),
        ratio(f"{label}: HTTP ÷ bare", speeds, bare_speeds, at_least=target),
    ]
    return figures, (sum(load.count for load in ours), sum(load.count for load in theirs))


async def _first_token(client: Client, bare: BareProcess, repetitions: int) -> list[Figure]:
    ours: list[float] = []
    theirs: list[float] = []
    for number, prompt in enumerate(prompts(repetitions, "first")):
        for side in ("http", "bare") if number % 2 == 0 else ("bare", "http"):
            await asyncio.sleep(SETTLE_SECONDS)
            if side == "http":
                ours.append(1000 * await client.first_token(prompt))
            else:
                theirs.append(1000 * float(bare.ask("first_token", prompt)))
    added = median(ours) - median(theirs)
    samples = {"http": ours, "bare": theirs}
    return [
        Figure("first token at idle: HTTP", median(ours), "ms"),
        Figure("first token at idle: bare pipeline", median(theirs), "ms"),
        Figure("first token at idle: HTTP − bare", added, "ms", at_most=FIRST_TOKEN_TARGET, samples=samples),
    ]
