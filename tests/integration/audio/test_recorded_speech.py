"""Every recording beside the checkout decodes as its manifest says, to faster-whisper's own samples."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from faster_whisper.audio import decode_audio

from sayso.audio.decoding import AudioDecoder
from sayso.core.speech import Audio
from sayso.errors import AudioRejected

SPEECH = Path(__file__).resolve().parents[4] / "shared" / "speech"
MANIFEST = SPEECH / "manifest.jsonl"

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.speech,
    pytest.mark.skipif(not MANIFEST.exists(), reason="no recordings beside the checkout"),
]


@pytest.fixture(scope="module")
def manifest() -> list[dict[str, Any]]:
    return [json.loads(line) for line in MANIFEST.read_text().splitlines()]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def speech_decoder() -> AsyncIterator[AudioDecoder]:
    decoder = AudioDecoder(queue_depth=500)
    yield decoder
    await decoder.close()


async def heard(decoder: AudioDecoder, entry: dict[str, Any]) -> Audio | AudioRejected:
    try:
        return await decoder.decode((SPEECH / entry["path"]).read_bytes())
    except AudioRejected as refusal:
        return refusal


def reference(path: str) -> bytes:
    floats = decode_audio(str(SPEECH / path))
    return bytes((floats * 32768).astype(np.int16))


async def test_whole_and_cut_files_have_their_duration(
    speech_decoder: AudioDecoder, manifest: list[dict[str, Any]]
) -> None:
    wrong = []
    entries = [entry for entry in manifest if entry["expect"] in ("ok", "partial_ok")]
    results = await asyncio.gather(*(heard(speech_decoder, entry) for entry in entries))
    for entry, audio in zip(entries, results, strict=True):
        if isinstance(audio, AudioRejected):
            if audio.code != "audio_too_short" or entry["duration_s"] >= 0.1:
                wrong.append((entry["path"], audio.message))
        elif abs(audio.seconds - entry["duration_s"]) > 0.02:
            wrong.append((entry["path"], f"{audio.seconds} s"))
    assert wrong == []


async def compare(decoder: AudioDecoder, entries: list[dict[str, Any]]) -> int:
    other, compared = [], 0
    for entry in entries:
        if entry["expect"] in ("ok", "partial_ok") and entry["duration_s"] >= 0.1:
            audio = await heard(decoder, entry)
            compared += 1
            if not isinstance(audio, Audio) or bytes(audio.pcm) != reference(entry["path"]):
                other.append(entry["path"])
    assert other == []
    return compared


async def test_samples_are_faster_whispers_one_file_of_each_encoding(
    speech_decoder: AudioDecoder, manifest: list[dict[str, Any]]
) -> None:
    shortest_last = sorted(manifest, key=lambda entry: -(entry["duration_s"] or 0))
    long_enough = [entry for entry in shortest_last if (entry["duration_s"] or 0) >= 0.1]
    shapes = {
        (e.get("container"), e.get("codec"), e["sample_rate"], e["channels"], e["expect"]): e
        for e in long_enough
    }
    assert await compare(speech_decoder, list(shapes.values())) > 40


@pytest.mark.long
async def test_samples_are_faster_whispers_in_all_files(
    speech_decoder: AudioDecoder, manifest: list[dict[str, Any]]
) -> None:
    assert await compare(speech_decoder, manifest) > 390


async def test_what_is_no_sound_is_refused(
    speech_decoder: AudioDecoder, manifest: list[dict[str, Any]]
) -> None:
    bad = [entry for entry in manifest if entry["expect"].startswith("error")]
    assert len(bad) >= 7
    for entry in bad:
        assert isinstance(await heard(speech_decoder, entry), AudioRejected), entry["path"]


async def test_doubtful_files_give_what_can_be_heard(
    speech_decoder: AudioDecoder, manifest: list[dict[str, Any]]
) -> None:
    either = {entry["expect"]: entry for entry in manifest if "_or_" in entry["expect"]}
    zero_size = await heard(speech_decoder, either["ok_or_error"])
    assert isinstance(zero_size, Audio)
    assert zero_size.seconds == pytest.approx(either["ok_or_error"]["duration_s"], abs=0.02)
    flipped = await heard(speech_decoder, either["partial_or_error"])
    assert isinstance(flipped, Audio)
    assert flipped.seconds > either["partial_or_error"]["duration_s"]  # frames after the first broken one too
