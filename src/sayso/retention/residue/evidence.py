"""Whether a record can still be read by somebody who has every file, and once copied its ciphertext.

Content is encrypted, so a search for its text alone is worth nothing: it finds none before the sweep either.
Hence an auditor writes down, while a record can be read, its text, its ciphertext and its key, and asks
of the files afterwards: is the text there? the ciphertext? the key, bare or wrapped? And do the keys that the
files still give away open the ciphertext of then? The key store's files are read here by what `docs/data.md`
says about them, not by the code that writes them.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sayso.db.session import Database
from sayso.errors import ObjectNotFound
from sayso.retention.key_store import KeyLocation, KeyStore
from sayso.retention.outstanding import Outstanding
from sayso.retention.reading import Sealed, read_sealed
from sayso.retention.residue.needles import Needle
from sayso.retention.residue.scan import Hit, scan
from sayso.retention.sealing import ContentAltered, unseal
from sayso.retention.tables import RetainedRecord

_MAGIC, _FIRST_SLOT, _SLOT, _WRAPPED, _NONCE = 16, 128, 64, 60, 12
_SPAN = 32  # bytes of ciphertext that are looked for together
_SPANS = 16  # places of a record that are looked for


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was written down about one record while it could be read."""

    record_id: str
    location: KeyLocation
    sealed: Sealed = field(repr=False)
    key: bytes = field(repr=False)
    wrapped_key: bytes = field(repr=False)
    needles: tuple[Needle, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the files say of a record. `opened`: they give away a key that opens its ciphertext."""

    plaintext: tuple[Hit, ...]
    ciphertext: tuple[Hit, ...]
    keys: tuple[Hit, ...]
    opened: bool

    @property
    def readable(self) -> bool:
        """Whether somebody who has these files, and copied the ciphertext before, can read the record."""
        return self.opened or bool(self.keys or self.plaintext)

    @property
    def clean(self) -> bool:
        """Whether nothing of the record is left, not even what nobody can read."""
        return not self.readable and not self.ciphertext


async def gather(db: Database, keys: KeyStore, record_id: str, needles: Sequence[Needle]) -> Evidence:
    """Write down what there is about a record; `needles` are its content. Raises `ObjectNotFound`."""
    async with db.read() as session:
        row = await session.get(RetainedRecord, record_id)
        if row is None:
            raise ObjectNotFound(f"There is no content '{record_id}'.")
        (sealed,) = await read_sealed(session, [row], Outstanding())
    key = await asyncio.to_thread(keys.key, sealed.location)
    if key is None:
        raise ObjectNotFound(f"There is no key for '{record_id}'.")
    file = (keys.folder / f"{sealed.location.file}.keys").read_bytes()
    slot = file[_FIRST_SLOT + sealed.location.slot * _SLOT :][:_WRAPPED]
    return Evidence(record_id, sealed.location, sealed, key, slot, tuple(needles))


def judge(evidence: Evidence, files: Iterable[Path], wrapping_keys: Sequence[bytes]) -> Judgement:
    """Look through `files`, folders whole; `wrapping_keys` are key-encryption keys that are known beside."""
    paths = list(files)
    chunks = [Needle("ciphertext", "bytes", span) for span in _spans(evidence)]
    bare = [
        Needle("key", "bare", evidence.key),
        Needle("key", "hex", evidence.key.hex().encode()),
        Needle("key", "wrapped", evidence.wrapped_key[_NONCE:]),
    ]
    hits = scan(paths, [*evidence.needles, *chunks, *bare])
    return Judgement(
        tuple(hit for hit in hits if hit.name not in ("ciphertext", "key")),
        tuple(hit for hit in hits if hit.name == "ciphertext"),
        tuple(hit for hit in hits if hit.name == "key"),
        any(_opens(evidence, key) for key in _keys(evidence, paths, wrapping_keys)),
    )


def _opens(evidence: Evidence, key: bytes) -> bool:
    try:
        unseal(key, evidence.sealed.binding, evidence.sealed.chunks)
    except ContentAltered:
        return False
    return True


def _keys(evidence: Evidence, paths: Sequence[Path], wrapping_keys: Sequence[bytes]) -> Iterator[bytes]:
    """Yield every key that the key files give away, tried as the key of this record."""
    folders = [path for path in paths if path.is_dir()]
    wrapping = [AESGCM(key) for key in (*wrapping_keys, *_found_wrapping_keys(folders))]
    day_name = f"day {evidence.location.file}".encode()
    slot_name = f"record {evidence.location.file} {evidence.location.slot}".encode()
    for content in [path.read_bytes() for folder in folders for path in sorted(folder.rglob("*.keys"))]:
        for key in wrapping:
            day_key = _unwrapped(key, content[_MAGIC:], day_name)
            if day_key is None:
                continue
            for at in range(_FIRST_SLOT, len(content), _SLOT):
                found = _unwrapped(AESGCM(day_key), content[at:], slot_name)
                if found is not None:
                    yield found


def _found_wrapping_keys(folders: Sequence[Path]) -> Iterator[bytes]:
    for folder in folders:
        for path in folder.rglob("key-encryption-key"):
            yield bytes.fromhex(path.read_text("ascii"))


def _unwrapped(by: AESGCM, wrapped: bytes, name: bytes) -> bytes | None:
    try:
        return by.decrypt(wrapped[:_NONCE], wrapped[_NONCE:_WRAPPED], name)
    except (InvalidTag, ValueError):
        return None


def _spans(evidence: Evidence) -> Iterator[bytes]:
    chunks = evidence.sealed.chunks
    each = max(_SPANS // len(chunks), 1)
    for chunk in chunks[:: max(len(chunks) // _SPANS, 1)]:
        step = max((len(chunk.ciphertext) - _SPAN) // each, _SPAN)
        for at in range(0, max(len(chunk.ciphertext) - _SPAN, 0) + 1, step):
            yield chunk.ciphertext[at : at + _SPAN]
