"""Word error rates per language of sayso's speech engine beside faster-whisper called directly.

    python bench/wer.py --model FOLDER [--speech ../shared/speech] [--languages en,de] [--limit 5]
                        [--subjects direct,engine,URL,whisper.cpp=PYTHON] [--repeat 8] [--silence]

A subject is a callable from a path to text. A subject that is a URL is an OpenAI-compatible server
(`http://127.0.0.1:8000/v1`; the key is read from OPENAI_API_KEY). The weights are the same for `direct` and
`engine`: faster-whisper's own `transcribe` with its defaults, against the engine without the server; and for
`whisper.cpp`, in a Python that has `pywhispercpp`, with 16 bits.
Whisper samples where it is unsure, so two runs of one subject differ: `--repeat` adds up the errors of
several runs, the subjects in turns. The speech folder's README says what the manifest means.
"""

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
import time
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import jiwer
import numpy as np

Subject: TypeAlias = Callable[[Path, str | None], str]

KINDS = {"read", "speech", "spontaneous", "phrase", "paragraph"}
BY_CHARACTER = {"zh", "ja", "th", "lo", "my", "yue"}  # written without spaces: character error rate
WITHOUT_ACCENTS = {"es", "fr"}  # references that lack accents


@dataclass(frozen=True, slots=True)
class Recording:
    """A line of the manifest."""

    id: str
    path: Path
    language: str | None
    kind: str
    reference: str | None
    seconds: float
    segments: tuple[dict[str, Any], ...] = ()


@dataclass(slots=True)
class Score:
    """Errors over reference units (words or characters), and the time that it took."""

    errors: int = 0
    units: int = 0
    audio_seconds: float = 0.0
    wall_seconds: float = 0.0
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Error rate in percent."""
        return 100 * self.errors / max(self.units, 1)


def read_manifest(speech: Path) -> list[Recording]:
    """Read every recording that should decode."""
    lines = (speech / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [
        Recording(
            id=row["id"],
            path=speech / row["path"],
            language=row["language"],
            kind=row["kind"],
            reference=row["reference"],
            seconds=row["duration_s"] or 0.0,
            segments=tuple(row.get("segments") or ()),
        )
        for row in rows
        if row["expect"] == "ok"
    ]


def normalized(text: str, language: str | None) -> str:
    """Return lower case without punctuation, for CER with spaces between characters."""
    text = unicodedata.normalize("NFKC", text).casefold()
    if language in WITHOUT_ACCENTS:
        text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    text = re.sub(r"['’ʼ`]", "", text)
    text = "".join(c if c.isalnum() or unicodedata.combining(c) else " " for c in text)
    if language in BY_CHARACTER:
        return " ".join("".join(text.split()))
    return " ".join(text.split())


def count_errors(reference: str, text: str, language: str | None) -> tuple[int, int]:
    """Return errors and reference units."""
    wanted, heard = normalized(reference, language), normalized(text, language)
    if not wanted:
        return len(heard.split()), 0
    measured = jiwer.process_words(wanted, heard)
    errors = measured.substitutions + measured.deletions + measured.insertions
    return errors, measured.substitutions + measured.deletions + measured.hits


def measure(
    subject: Subject,
    recordings: Iterable[Recording],
    scores: dict[str, Score],
    *,
    give_language: bool = False,
) -> None:
    """Run a subject over recordings with references; add to `scores`, one a language."""
    for recording in recordings:
        score = scores[recording.language or "?"]
        begun = time.perf_counter()
        text = subject(recording.path, recording.language if give_language else None)
        score.wall_seconds += time.perf_counter() - begun
        score.audio_seconds += recording.seconds
        errors, units = count_errors(recording.reference or "", text, recording.language)
        score.errors += errors
        score.units += units
        score.texts[recording.id] = text


def decode(path: Path) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Decode to mono 16 kHz."""
    from faster_whisper.audio import decode_audio

    sound: np.ndarray[Any, np.dtype[np.float32]] = decode_audio(str(path))
    return sound


def direct_subject(model: Path) -> Subject:
    """faster-whisper with its defaults."""
    from faster_whisper import WhisperModel

    whisper = WhisperModel(str(model), device="cpu", compute_type="int8", cpu_threads=os.cpu_count() or 1)

    def transcribe(path: Path, language: str | None) -> str:
        segments, _ = whisper.transcribe(decode(path), language=language)
        return "".join(segment.text for segment in segments)

    return transcribe


def engine_subject(model: Path) -> Subject:
    """sayso's engine, without a server."""
    from sayso.core.speech import Audio, Segment, SpeechRequest
    from sayso.engines.config import EngineConfig
    from sayso.engines.whisper.engine import WhisperSpeechEngine

    engine = WhisperSpeechEngine.load(EngineConfig("whisper", "whisper-base", model, "", model))

    async def collect(request: SpeechRequest) -> str:
        events = [event async for event in engine.transcribe(request)]
        return "".join(event.text for event in events if isinstance(event, Segment))

    def transcribe(path: Path, language: str | None) -> str:
        pcm = (decode(path) * 32768).astype("<i2").tobytes()
        return asyncio.run(collect(SpeechRequest("whisper-base", Audio(memoryview(pcm)), language=language)))

    return transcribe


def whisper_cpp_subject(model: Path, python: Path, stack: ExitStack) -> Subject:
    """whisper.cpp, given samples."""
    from bench.ggml_whisper import write_ggml
    from bench.peer_whisper import whisper_cpp

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sayso-bench-")))
    write_ggml(model, folder / "weights")
    peer = stack.enter_context(whisper_cpp("whisper.cpp", python, folder / "weights", os.cpu_count() or 1))

    def transcribe(path: Path, language: str | None) -> str:
        assert language is None, "whisper.cpp is asked to find the language itself"
        np.save(folder / "sound.npy", decode(path))
        return peer.hear([folder / "sound.npy"]).texts[0]

    return transcribe


def server_subject(url: str, model: str = "whisper-1") -> Subject:
    """An OpenAI-compatible server."""
    from openai import OpenAI

    client = OpenAI(base_url=url)

    def transcribe(path: Path, language: str | None) -> str:
        given = {"language": language} if language else {}
        return client.audio.transcriptions.create(model=model, file=path, **given).text  # type: ignore[call-overload, no-any-return]

    return transcribe


def make_subject(name: str, model: Path, stack: ExitStack) -> Subject:
    """Return the subject of that name."""
    match name:
        case "direct":
            return direct_subject(model)
        case "engine":
            return engine_subject(model)
        case _ if name.startswith("whisper.cpp="):
            return whisper_cpp_subject(model, Path(name.partition("=")[2]), stack)
        case _:
            return server_subject(name)


def print_table(results: dict[str, dict[str, Score]]) -> None:
    """Print one line a language: error rate, errors/units of each subject; then the speed."""
    print("| language | " + " | ".join(results) + " |")
    print("|---" * (len(results) + 1) + "|")
    for language in sorted({language for scores in results.values() for language in scores}):
        cells = [scores[language] for scores in results.values()]
        unit = "CER" if language in BY_CHARACTER else "WER"
        print(
            f"| {language} {unit} | "
            + " | ".join(f"{cell.rate:.2f} ({cell.errors}/{cell.units})" for cell in cells)
            + " |"
        )
    speeds = [
        sum(s.audio_seconds for s in scores.values())
        / max(sum(s.wall_seconds for s in scores.values()), 1e-9)
        for scores in results.values()
    ]
    print("| audio s/s | " + " | ".join(f"{speed:.1f}" for speed in speeds) + " |")


def print_differences(results: dict[str, dict[str, Score]], recordings: Iterable[Recording]) -> None:
    """Print the recordings on which the subjects' error counts differ."""
    for recording in recordings:
        texts = [scores[recording.language or "?"].texts[recording.id] for scores in results.values()]
        errors = [count_errors(recording.reference or "", text, recording.language)[0] for text in texts]
        if len(set(errors)) > 1:
            print(f"\n{recording.id}: {errors}\n  = {recording.reference}")
            for text in texts:
                print(f"  > {text.strip()}")


def print_silence(subjects: dict[str, Subject], recordings: Iterable[Recording]) -> None:
    """Print how many recordings without speech give no text, and what the others invent."""
    silent = [recording for recording in recordings if recording.reference == ""]
    for name, subject in subjects.items():
        texts = {recording.id: subject(recording.path, None).strip() for recording in silent}
        invented = {key: text for key, text in texts.items() if text}
        print(f"{name}: {len(silent) - len(invented)} of {len(silent)} without speech give empty text")
        for key, text in invented.items():
            print(f"  {key}: {text[:100]}")


def main() -> int:
    """Run the comparison that the command line asks for."""
    with ExitStack() as stack:
        return _run(stack)


def _run(stack: ExitStack) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--speech", type=Path, default=Path(__file__).parents[2] / "shared" / "speech")
    parser.add_argument("--languages", default="")
    parser.add_argument("--kinds", default=",".join(sorted(KINDS)))
    parser.add_argument("--limit", type=int, default=0, help="recordings a language")
    parser.add_argument("--subjects", default="direct,engine")
    parser.add_argument("--repeat", type=int, default=1, help="runs that are added up")
    parser.add_argument("--give-language", action="store_true")
    parser.add_argument("--silence", action="store_true", help="only the recordings without speech")
    asked = parser.parse_args()
    everything = read_manifest(asked.speech)
    subjects = {name: make_subject(name, asked.model, stack) for name in asked.subjects.split(",")}
    if asked.silence:
        print_silence(subjects, everything)
        return 0
    chosen: list[Recording] = []
    seen: dict[str | None, int] = defaultdict(int)
    for recording in everything:
        wanted = not asked.languages or recording.language in asked.languages.split(",")
        if recording.reference and recording.kind in asked.kinds.split(",") and wanted:
            seen[recording.language] += 1
            if not asked.limit or seen[recording.language] <= asked.limit:
                chosen.append(recording)
    results: dict[str, dict[str, Score]] = {name: defaultdict(Score) for name in subjects}
    for _ in range(asked.repeat):
        for name, subject in subjects.items():
            measure(subject, chosen, results[name], give_language=asked.give_language)
    print_table(results)
    print_differences(results, chosen)
    return 0


if __name__ == "__main__":
    sys.exit(main())
