"""What two cores do to each other: bare pipelines, one on each, with nothing of the server between them.

They share caches, the way to memory and whatever the machine runs beside them, so one's work slows the other
down though neither knows of it. No server can isolate better than that.
"""

import itertools
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import openvino_genai as genai

from bench.bare_chat import BareChat
from bench.bare_process import BareProcess, bare_process
from sayso.core.cores import stay_on, usable_cores
from sayso.core.parent import end_with_parent
from sayso.dedicated.curve import Answer
from sayso.engines.config import EngineConfig
from tests.acceptance.first_tokens import prompt

FLOOD_TOKENS = 64


class PinnedChat(BareChat):
    """A pipeline with one thread on the one core of its configuration."""

    def __init__(self, config: EngineConfig) -> None:
        stay_on(config.cores)
        super().__init__(config)

    def answers(self, count: int, tokens: int, *, first: int) -> list[Answer]:
        """Time answers as `time_answers` does, one after the other."""
        return [self._answer(number, tokens) for number in range(first, first + count)]

    def _answer(self, number: int, tokens: int) -> Answer:
        begun = time.perf_counter()
        handle = self._add(prompt(number), tokens)
        first = last = 0.0
        written = 0
        while handle.get_status() == genai.GenerationStatus.RUNNING:
            self._pipeline.step()
            now = time.perf_counter()
            while handle.can_read():
                written += sum(len(output.generated_ids) for output in handle.read().values())
                first, last = first or now, now
        return Answer(first - begun, last - first, written)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The one that is timed, and the one that floods its own core unless it is stopped (SIGSTOP)."""

    timed: BareProcess
    flooding: "subprocess.Popen[str]"

    def answers(self, count: int, tokens: int, *, first: int) -> list[Answer]:
        """Time answers of the one."""
        answers: list[Answer] = self.timed.ask("answers", count, tokens, first=first)
        return answers

    @contextmanager
    def flood(self) -> Iterator[None]:
        """Let the other run."""
        self.flooding.send_signal(signal.SIGCONT)
        try:
            yield
        finally:
            self.flooding.send_signal(signal.SIGSTOP)


@contextmanager
def bare_neighbours(config: EngineConfig, core: int, streams: int) -> Iterator[Neighbours]:
    """Load one that is timed on `core`, and on the last other core one with so many answers at once."""
    other = next(one for one in reversed(usable_cores()) if one != core)
    told = json.dumps(replace(config, cores=(other,), threads=1).to_json())
    flooding = subprocess.Popen(
        [sys.executable, "-m", "tests.acceptance.bare_neighbours", told, str(streams)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert flooding.stdout is not None
        assert flooding.stdout.readline(), "the flooding pipeline did not start"
        flooding.send_signal(signal.SIGSTOP)
        with bare_process(PinnedChat, replace(config, cores=(core,), threads=1)) as timed:
            neighbours = Neighbours(timed, flooding)
            neighbours.answers(8, 8, first=0)
            yield neighbours
    finally:
        flooding.kill()
        flooding.communicate()


def _flood(config: EngineConfig, streams: int) -> None:
    chat = PinnedChat(config)
    print("ready", flush=True)
    for turn in itertools.count():
        chat.streams([f"{turn} {one}: write a very long story." for one in range(streams)], FLOOD_TOKENS)


if __name__ == "__main__":
    end_with_parent()
    _flood(EngineConfig.from_json(json.loads(sys.argv[1])), int(sys.argv[2]))
