"""Transcription over HTTP beside faster-whisper called directly."""

import asyncio
from statistics import median

from bench.bare_process import BareProcess
from bench.client import Client
from bench.figures import Figure, ratio
from bench.workload import Speech

TARGET = 0.95
SETTLE_SECONDS = 0.5


async def measure_speech(client: Client, bare: BareProcess, speech: Speech, rounds: int) -> list[Figure]:
    """Return the speeds, one request at a time and two, each against one direct call at a time.

    A `WhisperModel` runs one call at a time on all threads, so that is its best in either case.
    """
    first = speech.recordings[:1]
    await client.transcribe_all(first, at_once=1)
    bare.ask("transcribe_all", first)
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
        Figure("speech, one at a time: HTTP", median(speeds["one"]), "audio s/s"),
        Figure("speech, two at a time: HTTP", median(speeds["two"]), "audio s/s"),
        Figure("speech: faster-whisper", median(speeds["bare"]), "audio s/s"),
        ratio("speech, one at a time: HTTP ÷ bare", speeds["one"], speeds["bare"], at_least=TARGET),
        ratio("speech, two at a time: HTTP ÷ bare", speeds["two"], speeds["bare"], at_least=TARGET),
    ]
