"""Tokens in, text out: whole characters only, and nothing of a stop string."""

import codecs

from sayso.core.chat import TokenLogprob
from sayso.engines.openvino.vocabulary import Vocabulary


class TextStream:
    """The text of one choice while it grows.

    Bytes of an incomplete character are held until it is complete; text that may be the beginning of a
    stop string is held until that is decided. Once `stopped` is true no more text comes.
    """

    __slots__ = (
        "_decoded",
        "_decoder",
        "_held",
        "_logprobs",
        "_released",
        "_stops",
        "_vocabulary",
        "stopped",
    )

    def __init__(self, vocabulary: Vocabulary, stops: tuple[str, ...] = ()) -> None:
        self._vocabulary = vocabulary
        self._stops = tuple(stop for stop in stops if stop)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._held = ""
        self._decoded = 0  # characters that came out of the decoder
        self._released = 0
        self._logprobs: list[tuple[int, TokenLogprob]] = []
        self.stopped = False

    def push(self, token: int, logprob: float | None = None) -> str:
        """Add a token; return the text that is certain now."""
        piece = self._vocabulary.text_bytes(token)
        if logprob is not None and piece:
            text = piece.decode(errors="replace")
            self._logprobs.append((self._decoded, TokenLogprob(text, tuple(piece), logprob)))
        text = self._decoder.decode(piece)
        self._decoded += len(text)
        if not self._stops:
            return self._release(self._held + text)
        self._held += text
        found = [at for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if found:
            self.stopped = True
            return self._release(self._held[: min(found)])
        keep = self._undecided()
        text, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return self._release(text)

    def flush(self) -> str:
        """Return what was held back, once it is certain that no more tokens come."""
        if self.stopped:
            return ""
        text, self._held = self._held, ""
        return self._release(text)

    def take_logprobs(self) -> tuple[TokenLogprob, ...]:
        """Return the tokens whose text has been released since the last call."""
        count = 0
        for start, _ in self._logprobs:
            if start >= self._released:
                break
            count += 1
        taken, self._logprobs = self._logprobs[:count], self._logprobs[count:]
        return tuple(logprob for _, logprob in taken)

    def _release(self, text: str) -> str:
        self._released += len(text)
        return text

    def _undecided(self) -> int:
        """Return the length of the longest end of the held text that a stop string begins with."""
        longest = 0
        for stop in self._stops:
            for size in range(min(len(stop) - 1, len(self._held)), longest, -1):
                if stop.startswith(self._held[-size:]):
                    longest = size
                    break
        return longest
