"""Ciphertext opens only whole, in its place and for its record."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from sayso.retention.sealing import CHUNK_BYTES, Binding, ContentAltered, Part, SealedChunk, seal, unseal

KEY = bytes(range(32))
BINDING = Binding("chatcmpl_1", "org_1", "proj_1", "user_1", "chat", "K0", False, 1_677_672_010_000_000)
PARTS: dict[Part, bytes] = {
    "request": b"q" * (CHUNK_BYTES + 1),
    "answer": "Pío".encode(),
    "audio": b"a" * CHUNK_BYTES,
    "metadata": b"",
}


def sealed() -> list[SealedChunk]:
    return seal(KEY, BINDING, PARTS)


def test_what_is_sealed_opens() -> None:
    chunks = sealed()
    assert [(one.position, one.part) for one in chunks] == [
        *((0, "request"), (1, "request"), (2, "answer"), (3, "audio"), (4, "metadata"))
    ]
    assert max(len(one.ciphertext) for one in chunks) == CHUNK_BYTES + 16
    assert unseal(KEY, BINDING, chunks) == PARTS


def swapped(chunks: list[SealedChunk]) -> list[SealedChunk]:
    return [chunks[1], chunks[0], *chunks[2:]]


def exchanged(chunks: list[SealedChunk]) -> list[SealedChunk]:
    chunks[0], chunks[1] = (
        replace(chunks[0], ciphertext=chunks[1].ciphertext),
        replace(chunks[1], ciphertext=chunks[0].ciphertext),
    )
    return chunks


@pytest.mark.parametrize(
    "altered",
    [
        swapped,
        exchanged,
        lambda chunks: chunks[:-1],
        lambda chunks: chunks[1:],
        lambda chunks: [*chunks, chunks[-1]],
        lambda chunks: [],
        lambda chunks: [replace(chunks[0], part="answer"), *chunks[1:]],
        lambda chunks: [replace(chunks[0], ciphertext=b"\0" + chunks[0].ciphertext[1:]), *chunks[1:]],
    ],
)
def test_altered_content_does_not_open(altered: Callable[[list[SealedChunk]], list[SealedChunk]]) -> None:
    with pytest.raises(ContentAltered):
        unseal(KEY, BINDING, altered(sealed()))


@pytest.mark.parametrize(
    "binding",
    [
        replace(BINDING, record_id="chatcmpl_2"),
        replace(BINDING, organization_id="org_2"),
        replace(BINDING, project_id="proj_2"),
        replace(BINDING, owner_id="user_2"),
        replace(BINDING, kind="transcription"),
        replace(BINDING, class_id="K2"),
        replace(BINDING, stored=True),
        replace(BINDING, created_at=BINDING.created_at + 1),
    ],
)
def test_content_does_not_open_for_another_record(binding: Binding) -> None:
    with pytest.raises(ContentAltered):
        unseal(KEY, binding, sealed())


def test_content_does_not_open_with_another_key() -> None:
    with pytest.raises(ContentAltered):
        unseal(bytes(32), BINDING, sealed())
