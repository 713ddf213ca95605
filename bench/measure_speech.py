"""Transcription over HTTP beside faster-whisper called directly."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from bench.bare_process import BareProcess
from bench.client import Client
from bench.figures import Figure, ratio
from bench.workload import Recording, Speech

TARGET = 0.95
CLIPS_TARGET = 4.0
LONG_TARGET = 1.3
WAIT_TARGET = 2.0
CLIENTS = 8
OVER = 4
SETTLE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class SpeechPlan:
    """How often things are done; `long_files` are at work while a clip is waited for `waits` times."""

    rounds: int = 3
    long_rounds: int = 2
    long_files: int = 4
    waits: int = 20


QUICK = SpeechPlan(1, 1, 1, 2)


async def measure_speech(
    client: Client, bare: BareProcess, speech: Speech, long: Recording, plan: SpeechPlan
) -> list[Figure]:
    """Return all figures of speech; `long` is a recording of minutes."""
    first = speech.recordings[:1]
    await client.transcribe_all(first, at_once=1)
    bare.ask("transcribe_all", first)
    return [
        *await _one_and_two(client, bare, speech, plan.rounds),
        *await _clips(client, bare, speech.clips(), plan.rounds),
        *await _long_files(client, bare, long, plan),
        *await _waits(client, speech.three_seconds(), long, plan),
    ]


async def _one_and_two(client: Client, bare: BareProcess, speech: Speech, rounds: int) -> list[Figure]:
    """One request at a time and two, each against one direct call at a time.

    A `WhisperModel` runs one call at a time on all threads, so that is its best in either case.
    """
    speeds: dict[str, list[float]] = {"one": [], "two": [], "bare": []}
    for number in range(rounds):
        for side in ("one", "bare", "two") if number % 2 == 0 else ("two", "bare", "one"):
            await asyncio.sleep(SETTLE_SECONDS)
            if side == "bare":
                seconds = float(bare.ask("transcribe_all", speech.recordings))
            else:
                at_once = 1 if side == "one" else 2
                seconds = await client.transcribe_all(speech.recordings, at_once=at_once)
            speeds[side].append(speech.seconds / seconds)
    return [
        Figure("speech: HTTP, one at a time", median(speeds["one"]), "audio s/s"),
        Figure("speech: HTTP, two at a time", median(speeds["two"]), "audio s/s"),
        Figure("speech: faster-whisper", median(speeds["bare"]), "audio s/s"),
        ratio("speech, one at a time: HTTP ÷ bare", speeds["one"], speeds["bare"], at_least=TARGET),
        ratio("speech, two at a time: HTTP ÷ bare", speeds["two"], speeds["bare"], at_least=TARGET),
    ]


async def _clips(client: Client, bare: BareProcess, clips: Speech, rounds: int) -> list[Figure]:
    """Clips under 15 s: as many clients as would keep a server busy, against one direct call at a time.

    The clients have the clips four times over, so that the last ones weigh little.
    """
    many = clips.recordings * OVER
    ours, theirs = [], []
    for number in range(rounds):
        for side in ("http", "bare") if number % 2 == 0 else ("bare", "http"):
            await asyncio.sleep(SETTLE_SECONDS)
            if side == "http":
                seconds = await client.transcribe_all(many, at_once=CLIENTS)
                ours.append(OVER * clips.seconds / seconds)
            else:
                theirs.append(clips.seconds / float(bare.ask("transcribe_all", clips.recordings)))
    return [
        Figure("speech, clips: HTTP, 8 clients", median(ours), "audio s/s"),
        Figure("speech, clips: faster-whisper, one at a time", median(theirs), "audio s/s"),
        ratio("speech, clips: HTTP ÷ bare", ours, theirs, at_least=CLIPS_TARGET),
    ]


async def _long_files(client: Client, bare: BareProcess, long: Recording, plan: SpeechPlan) -> list[Figure]:
    """Files of minutes, two at once, against the batched pipeline, which fills its batches from one."""
    ours, theirs = [], []
    for number in range(plan.long_rounds):
        for side in ("http", "bare") if number % 2 == 0 else ("bare", "http"):
            await asyncio.sleep(SETTLE_SECONDS)
            if side == "http":
                files = (long,) * min(2, plan.long_files)
                seconds = await client.transcribe_all(files, at_once=CLIENTS)
                ours.append(len(files) * long.seconds / seconds)
            else:
                theirs.append(long.seconds / float(bare.ask("transcribe_batched", (long,))))
    return [
        Figure("speech, 10-minute files: HTTP, two at a time", median(ours), "audio s/s"),
        Figure("speech, 10-minute files: faster-whisper, batched", median(theirs), "audio s/s"),
        ratio("speech, 10-minute files: HTTP ÷ bare", ours, theirs, at_least=LONG_TARGET),
    ]


async def _waits(client: Client, clip: Recording, long: Recording, plan: SpeechPlan) -> list[Figure]:
    """How long a clip of 3 s takes: alone, and while long files are at work."""
    alone = await _clip_waits(client, clip, plan.waits)
    tasks = [asyncio.create_task(client.transcribe(long)) for _ in range(plan.long_files)]
    await asyncio.sleep(2.0)  # uploaded, decoded and begun
    beside = await _clip_waits(client, clip, plan.waits)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    figures = {"alone": alone, "beside long files": beside}
    slowest = {name: _p95(waits) for name, waits in figures.items()}
    return [
        *(Figure(f"3 s clip {name}: p95", 1000 * value, "ms") for name, value in slowest.items()),
        Figure(
            "3 s clip: beside ÷ alone",
            slowest["beside long files"] / slowest["alone"],
            "×",
            at_most=WAIT_TARGET,
            samples={name: list(waits) for name, waits in figures.items()},
        ),
    ]


async def _clip_waits(client: Client, clip: Recording, count: int) -> Sequence[float]:
    waits = []
    for _ in range(count):
        begun = time.perf_counter()
        await client.transcribe(clip)
        waits.append(time.perf_counter() - begun)
        await asyncio.sleep(0.1)
    return waits


def _p95(waits: Sequence[float]) -> float:
    return quantiles(waits, n=20, method="inclusive")[-1]
