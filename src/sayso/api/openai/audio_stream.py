"""A transcription's events as frames of `transcript.text.delta` and `transcript.text.done`."""

import orjson

from sayso.api.sse import DONE, frame
from sayso.core.speech import Segment, SpeechEvent, SpeechFinished, SpeechStarted


class TranscriptStreamEncoder:
    """Renders the events of one transcription; the deltas joined are exactly the text at the end."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._held = ""  # white space that belongs to the text only if more follows

    def encode(self, event: SpeechEvent) -> bytes:
        """Return the frames for `event`, empty where it has none."""
        match event:
            case SpeechStarted():
                return b""
            case Segment():
                return self._delta(event.text)
            case SpeechFinished():
                return self._done(event)

    def _delta(self, text: str) -> bytes:
        text = self._held + text if self._text else text.lstrip()
        spoken = text.rstrip()
        self._held = text[len(spoken) :]
        if not spoken:
            return b""
        self._text.append(spoken)
        return frame(orjson.dumps({"type": "transcript.text.delta", "delta": spoken}))

    def _done(self, event: SpeechFinished) -> bytes:
        # In this event's schema `usage` counts tokens, and Whisper counts time: so that stands beside it.
        done = {
            "type": "transcript.text.done",
            "text": "".join(self._text),
            "duration": event.usage.seconds,
        }
        return frame(orjson.dumps(done)) + DONE
