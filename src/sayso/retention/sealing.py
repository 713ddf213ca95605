"""Content into ciphertext and back: AES-256-GCM, a key for each record, chunks that can not be swapped.

A record's key encrypts that record once, so a chunk's position is its nonce. What a chunk is bound to: its
record with organization, project, kind, class and moment, its part and position, and whether it is the last.
When the record expires is not bound, so that a stricter policy needs no new ciphertext.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sayso.errors import SaysoError

CHUNK_BYTES = 256 * 1024

Part: TypeAlias = Literal["request", "answer", "audio", "metadata"]


class ContentAltered(SaysoError):
    """Ciphertext is not what was written, or not where it was written."""

    def __init__(self, record_id: str) -> None:
        super().__init__(f"The content of {record_id} is not what was kept: it has been changed since.")


@dataclass(frozen=True, slots=True)
class Binding:
    """What ciphertext belongs to; `created_at` in Unix microseconds."""

    record_id: str
    organization_id: str
    project_id: str
    owner_id: str
    kind: str
    class_id: str
    stored: bool
    created_at: int


@dataclass(frozen=True, slots=True)
class SealedChunk:
    """One chunk: its place in the record, the part it is of, ciphertext with tag."""

    position: int
    part: Part
    ciphertext: bytes


def seal(key: bytes, binding: Binding, parts: Mapping[Part, bytes]) -> list[SealedChunk]:
    """Encrypt `parts` in their order; an empty part is one empty chunk."""
    pieces = [(part, piece) for part, content in parts.items() for piece in _pieces(content)]
    cipher, last = AESGCM(key), len(pieces) - 1
    return [
        SealedChunk(n, part, cipher.encrypt(_nonce(n), piece, _bound(binding, part, n, last=n == last)))
        for n, (part, piece) in enumerate(pieces)
    ]


def unseal(
    key: bytes, binding: Binding, chunks: Sequence[SealedChunk], only: Part | None = None
) -> dict[Part, bytes]:
    """Decrypt a record, or `only` one part of it; `chunks` are all of its chunks in order.

    Where it is one part, the ciphertext of others is not looked at. Raises `ContentAltered`.
    """
    cipher, last = AESGCM(key), len(chunks) - 1
    parts: dict[Part, list[bytes]] = {}
    try:
        for n, chunk in enumerate(chunks):
            if only is not None and chunk.part != only:
                continue
            bound = _bound(binding, chunk.part, n, last=n == last)
            parts.setdefault(chunk.part, []).append(cipher.decrypt(_nonce(n), chunk.ciphertext, bound))
    except InvalidTag:
        raise ContentAltered(binding.record_id) from None
    if not chunks:
        raise ContentAltered(binding.record_id)
    return {part: b"".join(pieces) for part, pieces in parts.items()}


def _pieces(content: bytes) -> Iterable[bytes]:
    return (content[at : at + CHUNK_BYTES] for at in range(0, len(content) or 1, CHUNK_BYTES))


def _nonce(position: int) -> bytes:
    return position.to_bytes(12, "big")


def _bound(binding: Binding, part: str, position: int, *, last: bool) -> bytes:
    fields = (
        "sayso content 1",
        *(binding.organization_id, binding.project_id, binding.owner_id, binding.class_id, binding.kind),
        *(binding.record_id, binding.stored, binding.created_at, part, position, last),
    )
    return json.dumps(fields).encode()
