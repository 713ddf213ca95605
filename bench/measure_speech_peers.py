"""Transcription over HTTP beside whisper.cpp on the same weights."""

import asyncio
import io
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from statistics import median

import numpy as np
from faster_whisper.audio import decode_audio

from bench.client import Client
from bench.figures import Figure, ratio
from bench.ggml_whisper import Weights, write_ggml
from bench.measure_speech import CLIENTS, OVER, SETTLE_SECONDS, SpeechPlan
from bench.peer_whisper import WhisperCpp, whisper_cpp
from bench.workload import Recording, Speech
from sayso.engines.config import EngineConfig

NAME = "whisper.cpp"


async def measure_speech_peers(
    client: Client,
    programs: Sequence[str],
    config: EngineConfig,
    folder: Path,
    speech: Speech,
    long: Recording,
    plan: SpeechPlan,
) -> list[Figure]:
    """Return audio seconds a second of three loads, in turns; programs are `PYTHON` or `PYTHON=q8_0`.

    whisper.cpp hears one recording at a time, decoded before, on the threads that the server's host has;
    `folder` takes its weights.
    """
    threads = config.threads or os.cpu_count() or 1
    with ExitStack() as stack:
        peers = [stack.enter_context(_peer(program, config.folder, folder, threads)) for program in programs]
        clips = speech.clips()
        return [
            *await _load(client, peers, folder, "speech", speech.recordings, 1, 1, plan.rounds),
            *await _load(
                client, peers, folder, "speech, clips", clips.recordings, OVER, CLIENTS, plan.rounds
            ),
            *await _load(client, peers, folder, "speech, 10-minute files", (long,), 2, 2, plan.long_rounds),
        ]


async def _load(
    client: Client,
    peers: Sequence[WhisperCpp],
    folder: Path,
    label: str,
    recordings: Sequence[Recording],
    times: int,
    clients: int,
    rounds: int,
) -> list[Figure]:
    """Recordings, for the server `times` over by so many clients at once, for a peer one after the other."""
    sounds = [_decoded(recording, folder / f"{number}.npy") for number, recording in enumerate(recordings)]
    audio = sum(recording.seconds for recording in recordings)
    ours: list[float] = []
    theirs: list[list[float]] = [[] for _ in peers]
    for number in range(rounds):
        sides = range(-1, len(peers))
        for side in sides if number % 2 == 0 else reversed(sides):
            await asyncio.sleep(SETTLE_SECONDS)
            if side < 0:
                seconds = await client.transcribe_all(list(recordings) * times, at_once=clients)
                ours.append(times * audio / seconds)
            else:
                theirs[side].append(audio / peers[side].hear(sounds).seconds)
    figures = [Figure(f"{label}: beside peers", median(ours), "audio s/s")]
    for peer, rates in zip(peers, theirs, strict=True):
        figures.append(Figure(f"{label}: {peer.name}", median(rates), "audio s/s"))
        figures.append(ratio(f"{label}: HTTP ÷ {peer.name}", ours, rates))
    return figures


def _peer(program: str, model: Path, folder: Path, threads: int) -> AbstractContextManager[WhisperCpp]:
    python, _, kept = program.partition("=")
    weights = Weights[kept.upper()] if kept else Weights.F16
    file = folder / f"{weights.name}.ggml"
    if not file.exists():
        write_ggml(model, file, weights)
    return whisper_cpp(f"{NAME}, {weights.name}", Path(python), file, threads)


def _decoded(recording: Recording, file: Path) -> Path:
    np.save(file, decode_audio(io.BytesIO(recording.content)))
    return file
