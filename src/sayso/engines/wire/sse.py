"""Reads server-sent events out of the pieces in which a socket delivers them."""

from collections.abc import Iterator


class SseParser:
    """Splits a byte stream into the `data` of its events; comments and other fields are skipped.

    Format: https://html.spec.whatwg.org/multipage/server-sent-events.html (LF and CRLF line ends).
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield the data of every event that `piece` completes."""
        buffer = self._rest + piece if self._rest else piece
        if b"\r" in buffer:
            keep = b"\r" if buffer.endswith(b"\r") else b""
            buffer = buffer[: len(buffer) - len(keep)].replace(b"\r\n", b"\n") + keep
        *events, self._rest = buffer.split(b"\n\n")
        for event in events:
            if event.startswith(b"data: ") and b"\n" not in event:
                yield event[6:]
            elif lines := [_value(line) for line in event.split(b"\n") if line.startswith(b"data:")]:
                yield b"\n".join(lines)


def _value(line: bytes) -> bytes:
    value = line[5:]
    return value[1:] if value.startswith(b" ") else value
