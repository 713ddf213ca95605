"""What the gateway and the decoder's processes say to each other: JSON, a message a datagram."""

import json
from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

MESSAGE_BYTES = 4096
AS_USUAL, YIELDING = "as-usual", "yielding"  # how a server is started

RefusalReason: TypeAlias = Literal[
    "undecodable", "no_audio", "too_long", "too_slow", "too_large", "channels", "sample_rate", "codec"
]


@dataclass(frozen=True, slots=True)
class Order:
    """Decode the first descriptor's bytes into the second; `cpu_seconds` and `max_samples` are bounds."""

    demuxer: str
    max_samples: int
    cpu_seconds: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """The child wrote this many samples."""

    samples: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """The child refused the file; `detail` is the number or name that the reason is about."""

    reason: RefusalReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """The child is gone, and with it all that could still change its output. Signals are negative."""

    status: int


@dataclass(frozen=True, slots=True)
class NotStarted:
    """The child could not be started; `errno` says why."""

    errno: int


Message: TypeAlias = Order | Decoded | Refusal | Ended | NotStarted

_KINDS: dict[str, type[Message]] = {
    kind.__name__: kind for kind in (Order, Decoded, Refusal, Ended, NotStarted)
}


def encode(message: Message) -> bytes:
    """Write a message."""
    return json.dumps([type(message).__name__, asdict(message)]).encode()


def parse(datagram: bytes) -> Message:
    """Read what `encode` wrote. Raises `ValueError`, `KeyError` or `TypeError` if it did not."""
    kind, fields = json.loads(datagram)
    return _KINDS[kind](**fields)
