"""Content that nobody else would write: texts with quotes and accents, and noise as recordings."""

import io
import secrets
import wave
from dataclasses import dataclass, field

import numpy as np

from sayso.retention.residue.needles import Needle, bytes_needles, sound_needles, text_needles

RATE = 16_000  # samples a second
HEAD = 44  # bytes of a WAV file before its samples


@dataclass(frozen=True, slots=True)
class Canary:
    """What one request says. `recording` is a WAV file, empty where the request has none."""

    name: str
    text: str = field(repr=False)
    recording: bytes = field(default=b"", repr=False)

    @property
    def needles(self) -> list[Needle]:
        """Every pattern under which it may lie somewhere."""
        found = text_needles(self.name, self.text)
        if self.recording:
            samples = np.frombuffer(self.recording[HEAD:], dtype=np.int16)
            found += bytes_needles(self.name, self.recording[HEAD:]) + sound_needles(self.name, samples)
        return found


def make_canary(name: str, *, audio_seconds: float = 0.0) -> Canary:
    """Make a canary; with seconds, one that comes with a recording of noise."""
    text = f"the canary “{secrets.token_hex(8)}” of Zoë's “{secrets.token_hex(8)}”"
    return Canary(name, text, _noise(audio_seconds) if audio_seconds else b"")


def _noise(seconds: float) -> bytes:
    """Return random samples: unlike speech they are found nowhere by chance, and can not be made smaller."""
    count = int(seconds * RATE)
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(secrets.token_bytes(2 * count))
    return written.getvalue()
