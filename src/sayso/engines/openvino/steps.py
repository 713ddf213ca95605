"""The one thread that drives the pipeline: it starts sequences, steps, and hands out what was written."""

import asyncio
import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import openvino as ov
import openvino_genai as genai

from sayso.core.chat import ChatEvent
from sayso.engines.openvino.choice import Choice, Job
from sayso.engines.openvino.outbox import Outbox
from sayso.engines.openvino.prefix import PrefixIndex
from sayso.engines.openvino.turns import Turns
from sayso.errors import EngineError, EngineFailed, EngineOverloaded, EngineUnavailable

_RUNNING = genai.GenerationStatus.RUNNING
_UNFINISHED = genai.GenerationFinishReason.NONE
_LENGTH = genai.GenerationFinishReason.LENGTH

ROUNDS = 5  # of an event loop: two until what it was given has left, four until a request is read and queued
GATHER_SECONDS = 0.05  # how long a step waits at most for requests that keep coming
SEND_SECONDS = 0.005  # how long the next step waits at most for what the last one brought to be on its way

Batch = list[tuple[Job, list[ChatEvent | EngineError]]]


class StepLoop:
    """Runs up to `limit` sequences at once and keeps up to `depth` requests waiting.

    Who waits takes turns by share. A share that has nothing waiting may still enter a full queue, up to twice
    its depth, so that nobody's long queue shuts out others.

    While nothing runs the thread sleeps on a condition. A step holds the interpreter's lock, so that an event
    loop stands still until it ends. So an event loop takes in all requests that have come before a step
    begins at an idle engine, and after one that brought first tokens: one step that reads many prompts is
    cheaper than a step for each, and who comes in a crowd comes while the first of them is read. All events
    of one step reach an event loop in one call, and a request's first and last events are on their way before
    the next one begins. Where a step fails,
    every request fails with `EngineFailed` and `on_failure` is called: the pipeline's state can not be
    trusted afterwards.
    """

    def __init__(
        self, pipeline: Any, prefix: PrefixIndex, *, limit: int, depth: int, on_failure: Callable[[], None]
    ) -> None:
        self._pipeline = pipeline
        self._prefix = prefix
        self._limit = limit
        self._depth = depth
        self._on_failure = on_failure
        self._wake = threading.Condition()
        self._pending: list[Choice] = []
        self._live: list[Choice] = []
        self._dropped: list[Choice] = []  # abandoned while their prompt is being read
        self._leaving: list[Job] = []  # abandoned since the last step
        self.generated = 0  # tokens, since the start
        self._outbox = Outbox()
        self._turns: Turns[Choice] = Turns(lambda choice: choice.job.share)
        self._numbers = itertools.count()
        self._answering = False  # whether the last step brought the first token of some request
        self._closing = False
        self._failed = False
        self._thread = threading.Thread(target=self._run, name="openvino-steps", daemon=True)
        self._thread.start()

    def submit(self, choices: list[Choice]) -> None:
        """Queue a request's choices. Raises `EngineOverloaded` where as many requests wait as may."""
        with self._wake:
            if self._failed or self._closing:
                raise EngineUnavailable("The engine is restarting.")
            if len(self._live) + len(self._pending) >= self._limit and self._full_for(choices[0].job.share):
                raise EngineOverloaded("The engine's queue is full. Please try again later.")
            self._pending += choices
            self._wake.notify()

    def abandon(self, job: Job) -> None:
        """Forget a request: what waits never starts, what runs is cancelled before the next step."""
        with self._wake:
            if job.unfinished and not job.abandoned:
                job.abandoned = True
                self._pending = [choice for choice in self._pending if choice.job is not job]
                self._leaving.append(job)
                self._wake.notify()

    def load(self) -> tuple[int, int]:
        """Return how many requests run and how many wait."""
        with self._wake:
            waiting = self._waiting()
            return len({id(choice.job) for choice in (*self._live, *self._pending)}) - waiting, waiting

    def close(self) -> None:
        """Stop the thread after the step that it is in."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _full_for(self, share: str) -> bool:
        """Return whether the queue is full for a share, which it is later for one that has nothing in it."""
        waiting = self._waiting()
        alone = all(choice.job.share != share for choice in self._pending)
        return waiting >= (2 * self._depth if alone else self._depth)

    def _waiting(self) -> int:
        """Return how many requests wait for a slot, not counting those whose slot is free already."""
        ahead = len(self._live)
        waiting: set[int] = set()
        started = {id(choice.job) for choice in self._live}
        for choice in self._pending:
            if ahead >= self._limit and id(choice.job) not in started:
                waiting.add(id(choice.job))
            else:
                started.add(id(choice.job))
            ahead += 1
        return len(waiting)

    def _run(self) -> None:
        try:
            while self._await_work():
                self._pipeline.step()
                self._collect()
        except BaseException:
            self._fail()
            raise

    def _await_work(self) -> bool:
        """Sleep until there is something to step; start what may start. False once closed."""
        with self._wake:
            while not self._closing:
                self._drop_abandoned()
                if self._answering or not self._live:
                    self._gather()
                    self._answering = False
                self._start_pending()
                if self._live or self._dropped or self._pipeline.has_non_finished_requests():
                    return True
                if not self._leaving:
                    self._wake.wait()
            return False

    def _gather(self) -> None:
        """Have all requests queued that have come."""
        end = time.monotonic() + GATHER_SECONDS
        seen = -1
        while seen < len(self._pending) < self._limit - len(self._live) and not self._closing:
            seen = len(self._pending)
            loops = {choice.job.loop for choice in (*self._pending, *self._live)}
            self._let_run(loops, end - time.monotonic())

    def _let_run(self, loops: Iterable[asyncio.AbstractEventLoop], seconds: float) -> None:
        """Let go of both locks until event loops have done what they have to do, for so long at most."""
        behind = set(loops)

        def caught_up(loop: asyncio.AbstractEventLoop) -> None:
            with self._wake:
                behind.discard(loop)
                self._wake.notify()

        for loop in loops:
            try:
                loop.call_soon_threadsafe(_after_rounds, loop, ROUNDS, partial(caught_up, loop))
            except RuntimeError:  # it is closed
                behind.discard(loop)
        self._wake.wait_for(lambda: not behind or self._closing, max(seconds, 0.0))

    def _start_pending(self) -> None:
        room = self._limit - len(self._live)
        if room <= 0 or not self._pending:
            return
        started: set[int] = set()
        for choice in self._turns.order(self._pending):
            if len(started) < room and (choice.leader is None or choice.leader.prefilled):
                self._start(choice)
                self._turns.note(choice)
                started.add(id(choice))
        self._pending = [choice for choice in self._pending if id(choice) not in started]

    def _start(self, choice: Choice) -> None:
        cached = self._prefix.hit(choice.prompt)
        if choice.counts_prompt:
            choice.job.cached_tokens += cached
            choice.job.begun_tokens += len(choice.prompt)
        ids = ov.Tensor(np.array([choice.prompt], dtype=np.int64))
        choice.handle = self._pipeline.add_request(next(self._numbers), ids, choice.settings)
        self._live.append(choice)

    def _drop_abandoned(self) -> None:
        # A sequence that is cancelled before its whole prompt is read leaves a block in the prefix cache that
        # is marked as complete and is not: later prompts that share it would be answered from garbage. So it
        # reads its prompt to the end, outside of the limit.
        leaving, self._leaving = self._leaving, []
        if not leaving:
            return
        dropped = [choice for choice in self._live if choice.job.abandoned]
        self._live = [choice for choice in self._live if not choice.job.abandoned]
        for choice in dropped:
            if choice.prefilled:
                choice.handle.cancel()
            else:
                self._dropped.append(choice)
        _tell_stopped(leaving)

    def _collect(self) -> None:
        gone: set[int] = set()
        streams = len(self._live)
        for choice in self._live:
            events, done = self._read(choice)
            if done:
                gone.add(id(choice))
            if choice.job.abandoned:
                self._outbox.forget(choice.job)
            elif events:
                self._outbox.put(choice.job, events, last=done)
        pressing = self._outbox.pressing
        batches: dict[asyncio.AbstractEventLoop, Batch] = {}
        for job, events in self._outbox.take(streams):
            if job.outlet is not None and job.outlet.take(events):
                continue
            batches.setdefault(job.loop, []).append((job, events))
        with self._wake:
            if gone:
                self._live = [choice for choice in self._live if id(choice) not in gone]
            self._dropped = [choice for choice in self._dropped if not self._read_out(choice)]
        for loop, batch in batches.items():
            self._post(loop, batch)
        if pressing and batches:
            with self._wake:
                self._let_run(batches, SEND_SECONDS)

    def _read(self, choice: Choice) -> tuple[list[ChatEvent | EngineError], bool]:
        handle = choice.handle
        events: list[ChatEvent | EngineError] = []
        if not handle.can_read():
            if handle.get_status() == _RUNNING:
                return events, False
            return [_out_of_memory()], True
        while handle.can_read():
            for output in handle.read().values():
                tokens = output.generated_ids
                self.generated += len(tokens)
                if tokens and not choice.prefilled:
                    choice.prefilled = self._answering = True
                    self._prefix.store(choice.prompt)
                more, full = choice.take(tokens, output.generated_log_probs)
                events += more
                if full and output.finish_reason == _UNFINISHED:
                    handle.stop()
                if full or output.finish_reason != _UNFINISHED:
                    events += choice.end("length" if output.finish_reason == _LENGTH and not full else "stop")
                    self._prefix.store([*choice.prompt, *choice.written[:-1]])
                    return events, True
        if not choice.prefilled and handle.get_status() != _RUNNING:
            return [_out_of_memory()], True
        return events, False

    def _read_out(self, choice: Choice) -> bool:
        """Return whether an abandoned choice's prompt has been read; it is cancelled then."""
        if not choice.handle.can_read():
            return bool(choice.handle.get_status() != _RUNNING)
        choice.handle.cancel()
        self._prefix.store(choice.prompt)
        return True

    def _post(self, loop: asyncio.AbstractEventLoop, batch: Batch) -> None:
        """Hand a batch to its event loop."""
        try:
            loop.call_soon_threadsafe(_deliver, batch)
        except RuntimeError:  # that event loop is closed: nobody listens any more
            for job, _ in batch:
                self.abandon(job)

    def _fail(self) -> None:
        with self._wake:
            self._failed = True
            jobs = {id(choice.job): choice.job for choice in (*self._live, *self._pending)}
            self._live, self._pending, self._dropped = [], [], []
            leaving, self._leaving = self._leaving, []
        _tell_stopped(leaving)
        for job in jobs.values():
            self._post(
                job.loop, [(job, [EngineFailed("The engine failed while it worked on this request.")])]
            )
        self._on_failure()


def _tell_stopped(jobs: list[Job]) -> None:
    for job in jobs:
        with contextlib.suppress(RuntimeError):  # its event loop is closed
            job.loop.call_soon_threadsafe(job.stopped.set)


def _out_of_memory() -> EngineFailed:
    return EngineFailed("The engine ran out of memory for this request.")


def _deliver(batch: Batch) -> None:
    for job, events in batch:
        job.events.put_nowait(events)


def _after_rounds(loop: asyncio.AbstractEventLoop, rounds: int, done: Callable[[], None]) -> None:
    if rounds:
        loop.call_soon(_after_rounds, loop, rounds - 1, done)
    else:
        done()
