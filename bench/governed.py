"""`python -m bench.governed`: what governing a request costs, beside LiteLLM's proxy.

    python -m bench.governed --peer VENV/bin/python [--rounds 3] [--requests 400] [--json FILE]

Nobody has a model: the proxy answers with its `mock_response`, sayso with a mock in the gateway, which is
compared; with the same engine in a host process, as models have one; and with content kept, which the proxy
does not do. sayso checks the key and the limits, holds the worst case and settles the usage durably before
it answers; the proxy checks its key and tracks spend in memory. The same client loads them in turns.
Processor time is that of all of a server's processes.
"""

import argparse
import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import aiohttp
import psutil

from bench.client import Client
from bench.figures import Figure
from bench.measure_gateway import FAKE, MODEL, load
from bench.peer_proxy import running_proxy
from bench.report import machine, print_report, versions, write_json
from bench.server import free_port, processor_seconds, running_server

AT_ONCE = 16
FORGETFUL = "retention_days = 0\n"
MOCK = FAKE.replace('engine = "fake"', 'engine = "mock"')
TARGET = 10.0  # times the proxy's requests per processor second


@dataclass(slots=True)
class Side:
    """A server under load and what was seen of it."""

    client: Client
    process: psutil.Process
    per_core: list[float] = field(default_factory=list)  # requests a processor second
    rates: list[float] = field(default_factory=list)  # requests a second
    waits: list[float] = field(default_factory=list)  # ms, one client

    def processor_seconds(self) -> float:
        """Return what all its processes have used."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(processor_seconds(one) for one in family)

    def resident_bytes(self) -> int:
        """Return what all its processes hold in memory."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(one.memory_info().rss for one in family)

    async def measure(self, requests: int) -> None:
        """Load it once with one client, once with sixteen."""

        async def whole() -> None:
            await self.client.chat_whole("Say this.", 8, MODEL)

        alone = await load(whole, max(requests // 4, 10), 1)
        self.waits.append(1000 * median(alone.waits))
        begun = self.processor_seconds()
        busy = await load(whole, requests, AT_ONCE)
        self.per_core.append(requests / (self.processor_seconds() - begun))
        self.rates.append(busy.rate)


async def compare(peer: Path, rounds: int, requests: int) -> list[Figure]:
    """Return the figures of both and their ratio."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sayso-bench-")))
        for name in ("mock", "hosted", "keeping"):
            (folder / name).mkdir()
        ours = stack.enter_context(running_server(folder / "mock", FORGETFUL + MOCK))
        hosted = stack.enter_context(running_server(folder / "hosted", FORGETFUL + FAKE))
        keeping = stack.enter_context(running_server(folder / "keeping", MOCK))
        theirs = stack.enter_context(running_proxy(peer, folder, free_port()))
        sides = {
            "sayso": await _side(stack, ours.base_url, ours.key, ours.process.pid),
            "sayso, engine in a host": await _side(stack, hosted.base_url, hosted.key, hosted.process.pid),
            "sayso, content kept": await _side(stack, keeping.base_url, keeping.key, keeping.process.pid),
            "proxy": await _side(stack, theirs.base_url, theirs.key, theirs.process.pid),
        }
        for side in sides.values():  # warm
            await side.measure(40)
        for side in sides.values():
            side.per_core, side.rates, side.waits = [], [], []
        for number in range(rounds):
            for name in list(sides) if number % 2 == 0 else reversed(sides):
                await sides[name].measure(requests // 4 if name == "proxy" else requests)
        return _figures(sides)


def _figures(sides: dict[str, Side]) -> list[Figure]:
    figures: list[Figure] = []
    for name, side in sides.items():
        samples = {"per_core": side.per_core, "rates": side.rates, "waits": side.waits}
        figures += [
            Figure(f"{name}: requests a processor second", median(side.per_core), "1/s", samples=samples),
            Figure(f"{name}: requests a second, {AT_ONCE} clients", median(side.rates), "1/s"),
            Figure(f"{name}: one client waits", median(side.waits), "ms"),
            Figure(f"{name}: memory", side.resident_bytes() / 2**20, "MiB"),
        ]
    pairs = zip(sides["sayso"].per_core, sides["proxy"].per_core, strict=True)
    ratio = median(ours / theirs for ours, theirs in pairs)
    return [*figures, Figure("sayso ÷ proxy, a processor second", ratio, "×", at_least=TARGET)]


async def _side(stack: AsyncExitStack, base_url: str, key: str, pid: int) -> Side:
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), headers={"authorization": f"Bearer {key}"}
    )
    await stack.enter_async_context(session)
    return Side(Client(session, base_url), psutil.Process(pid))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.governed", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--peer", type=Path, required=True, help="a Python that has litellm[proxy]")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    figures = asyncio.run(compare(asked.peer, asked.rounds, asked.requests))
    about = {"machine": machine(), "versions": versions()}
    print_report(figures, about)
    if asked.json:
        write_json(asked.json, figures, about)
    return 0


if __name__ == "__main__":
    sys.exit(main())
