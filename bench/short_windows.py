"""What windows shorter than 30 s cost and gain: word errors, times and processor time, by padding and guard.

    python -m bench.short_windows --model FOLDER [--speech ../shared/speech] [--paddings 50,100,150,200]
                                  [--sure -1.0,-0.7,-0.5] [--beams 1,5] [--languages en,de] [--limit 5]

Each recording of less than 28 s is heard in full and with each padding (in frames of 10 ms) behind its sound,
and written down once at temperature 0. A short window that the guard doubts counts as the full one, and its
cost is added. Errors over all languages; `worse` and `better` count languages.
"""

import argparse
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from bench.wer import KINDS, Recording, count_errors, decode, read_manifest
from sayso.engines.whisper import model as whisper_model
from sayso.engines.whisper import short_windows
from sayso.engines.whisper.features import WINDOW_FRAMES, frame_count, pcm_samples
from sayso.engines.whisper.hearing import Decoded, Hearing, Window
from sayso.engines.whisper.model import WhisperWeights

LONGEST = 28.0  # seconds; what is longer is no single window


@dataclass(frozen=True, slots=True)
class Heard:
    """One attempt at a recording with its errors, the times it wrote (in frames) and its processor time."""

    language: str
    decoded: Decoded
    frames: int
    errors: int
    units: int
    stamps: tuple[int, ...]
    seconds: float


def attempts(weights: WhisperWeights, recording: Recording, paddings: list[int]) -> list[Heard]:
    """Write a recording down with each padding; the language is the one that the full window names."""
    pcm = pcm_samples(memoryview((decode(recording.path) * 32768).astype("<i2").tobytes()))
    frames = frame_count(len(pcm))
    mel = weights.listen(pcm, 0, frames)
    loudest = float(mel.max())
    language = weights.detect(weights.encode(mel, loudest))[0].language
    tokenizer = weights.tokenizer(language, "transcribe")
    found = []
    for padding in paddings:
        padded = min((frames + padding + 1) // 2 * 2, WINDOW_FRAMES)
        begun = time.process_time()
        encoded = weights.encode(mel, loudest, padded)
        hearing = Hearing(Window(0, frames), mel, loudest, padded, encoded, tokenizer, (), 0.0)
        decoded = weights.write_down([hearing])[0]
        seconds = time.process_time() - begun
        text = tokenizer.decode([token for token in decoded.tokens if token < tokenizer.eot])
        errors, units = count_errors(recording.reference or "", text, recording.language)
        begin = tokenizer.timestamp_begin
        stamps = tuple(2 * (token - begin) for token in decoded.tokens if token >= begin)
        found.append(Heard(recording.language or "?", decoded, frames, errors, units, stamps, seconds))
    return found


def line(name: str, guarded: list[tuple[Heard, Heard, bool]]) -> str:
    """Return a row of the table from (short, full, doubtful) of every recording."""
    errors: dict[str, int] = defaultdict(int)
    for short, full, doubtful in guarded:
        errors[full.language] += 0 if doubtful else short.errors - full.errors
    units = sum(full.units for _, full, _ in guarded)
    wrong = sum(full.errors for _, full, _ in guarded)
    cost = sum(short.seconds + doubtful * full.seconds for short, full, doubtful in guarded)
    off = [
        abs(a - b) / 100
        for short, full, doubtful in guarded
        if not doubtful and len(short.stamps) == len(full.stamps)
        for a, b in zip(short.stamps, full.stamps, strict=True)
    ]
    near = sum(value <= 0.2 for value in off) / max(len(off), 1)
    return (
        f"| {name} | {100 * (wrong + sum(errors.values())) / units:.2f} | {100 * wrong / units:.2f} "
        f"| {sum(value > 0 for value in errors.values())} | {sum(value < 0 for value in errors.values())} "
        f"| {sum(doubtful for *_, doubtful in guarded)} of {len(guarded)} "
        f"| {sum(full.seconds for _, full, _ in guarded) / cost:.1f} × | {100 * near:.0f} % |"
    )


def doubts(short: Heard, timestamp_begin: int) -> bool:
    """Whether the guard as it is set wants the full window."""
    return short_windows.is_doubtful(short.decoded, timestamp_begin, short.frames)


def main() -> None:
    """Run what the command line asks for and print a table for each width of the beam."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--speech", type=Path, default=Path(__file__).parents[2] / "shared" / "speech")
    parser.add_argument("--paddings", default="50,100,150,200")
    parser.add_argument("--sure", default="-1.0,-0.7,-0.5")
    parser.add_argument("--beams", default="5")
    parser.add_argument("--languages", default="")
    parser.add_argument("--limit", type=int, default=0, help="recordings a language")
    asked = parser.parse_args()
    seen: dict[str | None, int] = defaultdict(int)
    chosen = []
    for recording in read_manifest(asked.speech):
        wanted = not asked.languages or recording.language in asked.languages.split(",")
        if recording.reference and recording.kind in KINDS and recording.seconds < LONGEST and wanted:
            seen[recording.language] += 1
            if not asked.limit or seen[recording.language] <= asked.limit:
                chosen.append(recording)
    weights = WhisperWeights.load(asked.model, 1)
    begin = weights.tokenizer("en", "transcribe").timestamp_begin
    paddings = [int(padding) for padding in asked.paddings.split(",")]
    for beam in asked.beams.split(","):
        whisper_model.DECODING["beam_size"] = int(beam)
        found = [attempts(weights, recording, [*paddings, WINDOW_FRAMES]) for recording in chosen]
        print(f"\nbeam {beam}\n")
        print("| padding, guard | WER | full | worse | better | again | speed | times ≤ 0.2 s |")
        print("|---" * 8 + "|")
        for place, padding in enumerate(paddings):
            pairs = [(attempt[place], attempt[-1]) for attempt in found]
            print(line(f"{padding}, none", [(short, full, False) for short, full in pairs]))
            for sure in asked.sure.split(","):
                short_windows.SURE_LOGPROB = float(sure)
                guarded = [(short, full, doubts(short, begin)) for short, full in pairs]
                print(line(f"{padding}, {sure}", guarded), flush=True)


if __name__ == "__main__":
    main()
