"""What a running server has written into its books, and what its engine says that it generated."""

import contextlib
import sqlite3
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx

from tests.acceptance.running_server import RunningServer

TOKEN, SECOND = 2_000, 100_000  # nano-dollars, the launch's prices
WITHIN_SECONDS = 30.0


@dataclass(frozen=True)
class Charged:
    """One row of the usage events."""

    request_id: str
    endpoint: str
    outcome: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    audio_milliseconds: int
    charge: int

    @property
    def quantities(self) -> tuple[int, int, int, int]:
        """All that a request's price depends on, and the price."""
        return self.prompt_tokens, self.completion_tokens, self.audio_milliseconds, self.charge


def rows(server: RunningServer, query: str, *values: object) -> list[tuple[Any, ...]]:
    """Read from the server's database beside it."""
    address = f"file:{server.folder / 'sayso.db'}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
        return connection.execute(query, values).fetchall()


def charged(server: RunningServer, request_id: str) -> Charged:
    """Return what a request was charged, once it is settled."""
    columns = ", ".join(Charged.__dataclass_fields__)
    until = time.monotonic() + WITHIN_SECONDS
    while time.monotonic() < until:
        found = rows(server, f"SELECT {columns} FROM usage_events WHERE request_id = ?", request_id)
        if found:
            return Charged(*found[0])
        time.sleep(0.01)
    raise AssertionError(f"{request_id} is not settled")


def hold_state(server: RunningServer, request_id: str) -> str:
    """Return how a request's hold ended."""
    until = time.monotonic() + WITHIN_SECONDS
    while time.monotonic() < until:
        found = rows(server, "SELECT state FROM holds WHERE request_id = ?", request_id)
        if found and found[0][0] != "open":
            return str(found[0][0])
        time.sleep(0.01)
    raise AssertionError(f"{request_id}'s hold is open")


class NewHolds:
    """The ids of the requests that were admitted since this was made, in their order."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self._known = set(self._ids())

    def take(self, count: int) -> list[str]:
        """Wait for so many, and return them."""
        until = time.monotonic() + WITHIN_SECONDS
        while len(new := [found for found in self._ids() if found not in self._known]) < count:
            assert time.monotonic() < until, f"{len(new)} of {count} requests were admitted"
            time.sleep(0.01)
        assert len(new) == count
        self._known.update(new)
        return new

    def _ids(self) -> list[str]:
        return [found for (found,) in rows(self._server, "SELECT request_id FROM holds ORDER BY request_id")]


class EngineCounter:
    """The engine hosts' own count of generated tokens, asked for at their sockets, past the gateway."""

    def __init__(self, server: RunningServer) -> None:
        sockets = [process.cmdline()[-1] for process in server.all_hosts()]
        self._clients = [
            httpx.Client(transport=httpx.HTTPTransport(uds=socket), base_url="http://engine")
            for socket in sockets
        ]
        self._start = self.until_idle()

    def __enter__(self) -> "EngineCounter":
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients:
            client.close()

    @property
    def now(self) -> int:
        """Tokens since this counter was made."""
        return self._sum("generated")["generated"] - self._start

    def until(self, tokens: int, *, running: int = 0, waiting: int = 0) -> None:
        """Wait until so many tokens have been generated, so many requests are at work and so many wait."""
        until = time.monotonic() + WITHIN_SECONDS
        while not (
            self.now >= tokens
            and (found := self._sum("running", "waiting"))["running"] >= running
            and found["waiting"] >= waiting
        ):
            assert time.monotonic() < until, f"{self.now} tokens"
            time.sleep(0.002)

    def until_idle(self) -> int:
        """Wait until nothing runs; return the engines' whole count."""
        until = time.monotonic() + WITHIN_SECONDS
        while (found := self._sum("running", "waiting", "generated"))["running"] or found["waiting"]:
            assert time.monotonic() < until, "an engine is busy"
            time.sleep(0.005)
        return found["generated"]

    def _sum(self, *names: str) -> Counter[str]:
        total: Counter[str] = Counter()
        for client in self._clients:
            info = client.get("/v1/info").json()
            total.update({name: int(info[name]) for name in names})
        return total
