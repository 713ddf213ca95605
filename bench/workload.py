"""What is asked: prompts that no prefix cache knows, and recordings."""

import io
import json
import wave
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

RECORDINGS = Path(__file__).parents[2] / "shared" / "speech"
PER_LANGUAGE = {"en": 6, "de": 1, "es": 1, "fr": 1, "it": 1, "ru": 1, "zh": 1}
SHORTEST, LONGEST = 3.0, 30.0  # seconds
LONGEST_CLIP = 15.0
LONG_SECONDS = 600.0

_TASKS = (
    "Explain how a bicycle stays upright while it moves.",
    "Write a short story about a lighthouse keeper and a storm.",
    "List the steps for baking a loaf of bread at home.",
    "Describe the water cycle to a child of eight.",
    "Why do leaves change their colour in autumn?",
    "Give advice to somebody who learns to play the piano.",
    "Tell the history of the printing press in a few sentences.",
    "Compare travelling by train with travelling by car.",
    "Explain what a prime number is and give examples.",
    "Write a letter that thanks a neighbour for their help.",
    "How does a refrigerator keep food cold?",
    "Describe a walk through a market in the morning.",
    "What should one pack for a week in the mountains?",
    "Explain the rules of chess to a beginner.",
    "Why is the sky blue during the day and red at dusk?",
    "Write an advertisement for a small bookshop.",
)


@dataclass(frozen=True, slots=True)
class Recording:
    """An audio file's content with its length; `name` ends in the format's extension."""

    name: str
    content: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class Speech:
    """Recordings, and what they are in words."""

    recordings: tuple[Recording, ...]
    described: str

    @property
    def seconds(self) -> float:
        """Audio in all."""
        return sum(recording.seconds for recording in self.recordings)

    def clips(self) -> "Speech":
        """Those under 15 s."""
        short = tuple(recording for recording in self.recordings if recording.seconds < LONGEST_CLIP)
        return Speech(short, f"{len(short)} clips")

    def three_seconds(self) -> Recording:
        """Return the one whose length is nearest to 3 s."""
        return min(self.recordings, key=lambda recording: abs(recording.seconds - 3))


def prompts(count: int, tag: str) -> list[str]:
    """Return different prompts; those of different tags share no beginning."""
    return [f"({tag}-{number}) {_TASKS[number % len(_TASKS)]}" for number in range(count)]


def speech(folder: Path = RECORDINGS, *, limit: int = 12) -> Speech:
    """Return recordings of people from `folder`, or a synthesized clip where there is no such folder."""
    found = _recorded(folder)[:limit] if (folder / "manifest.jsonl").exists() else []
    if found:
        return Speech(tuple(found), f"{len(found)} recordings of people")
    return Speech((_synthesized(),), "a synthesized clip: no recordings beside the checkout")


def long_speech(folder: Path = RECORDINGS, *, seconds: float = LONG_SECONDS) -> Recording:
    """Return one WAV of that length: long recordings in `folder` one after another, or a synthesized one."""
    from faster_whisper.audio import decode_audio

    found = sorted((folder / "longform").glob("*"))
    english = [path for path in found if "_en_" in path.name or path.name.startswith("lj")]
    contents = [path.read_bytes() for path in english] or [_synthesized().content]
    sounds = [decode_audio(io.BytesIO(content)) for content in contents]
    sound = np.resize(np.concatenate(sounds), round(seconds * 16_000))
    joined = io.BytesIO()
    with wave.open(joined, "wb") as file:
        file.setparams((1, 2, 16_000, len(sound), "NONE", ""))
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    return Recording("long.wav", joined.getvalue(), seconds)


def _recorded(folder: Path) -> list[Recording]:
    wanted = dict(PER_LANGUAGE)
    found = []
    for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        seconds, language = row["duration_s"] or 0.0, row["language"]
        genuine = row["expect"] == "ok" and row["human"] == "yes" and not row["derived"] and row["reference"]
        if genuine and SHORTEST <= seconds <= LONGEST and wanted.get(language, 0):
            wanted[language] -= 1
            path = folder / row["path"]
            found.append(Recording(path.name, path.read_bytes(), seconds))
    return sorted(found, key=lambda recording: recording.seconds)


def _synthesized() -> Recording:
    """Return the package's own clip, four times over."""
    packaged = files("sayso.inference").joinpath("probe.wav").read_bytes()
    with wave.open(io.BytesIO(packaged)) as clip:
        params, frames = clip.getparams(), clip.readframes(clip.getnframes())
    joined = io.BytesIO()
    with wave.open(joined, "wb") as clip:
        clip.setparams(params)
        clip.writeframes(frames * 4)
    return Recording("probe.wav", joined.getvalue(), 4 * params.nframes / params.framerate)
