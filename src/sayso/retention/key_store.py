"""The keys of content: one for each record, in small files that are never copied into a backup.

    <folder>/key-store-id                    what tells this store from others
    <folder>/key-encryption-key              32 bytes as hex, unless the operator brings it
    <folder>/CACHEDIR.TAG                    keeps backup programs that know it away
    <folder>/<organization>/<day>-<id>.keys  one process's keys for one organization and UTC day

A file begins with the day's key, wrapped by the key-encryption key; slots follow, each a record's key wrapped
by the day's key. A record is destroyed by overwriting its slot, a day by overwriting its file; both reach the
disk before the call returns. Only the process that made a file adds slots to it, so two never write one slot;
any process may read and destroy. A slot never crosses a sector, so it is destroyed or it is not.
"""

import errno
import hashlib
import hmac
import os
import secrets
import stat
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sayso.errors import ConfigurationError, StorageUnavailable
from sayso.retention.store_secrets import IDENTITY_FILE, KEY_BYTES, KEY_FILE, load_or_make, read_key

SUFFIX = ".keys"
TAG_FILE = "CACHEDIR.TAG"
TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n# Keys that no backup may hold: see docs/data.md.\n"
MAGIC = b"sayso keys 1\n\0\0\0"
NONCE_BYTES = 12
WRAPPED_BYTES = NONCE_BYTES + KEY_BYTES + 16
HEADER_BYTES = 128
SLOT_BYTES = 64
OPEN_FILES = 64  # files that this process adds keys to
DAY_KEYS = 1024  # unwrapped keys of days in memory; without a slot one opens nothing
READ_SLOTS = 4096  # slots that are looked at in one read

_NO_SLOT = bytes(SLOT_BYTES)


@dataclass(frozen=True, slots=True, order=True)
class KeyLocation:
    """Where a record's key is: `file` is `<organization>/<day>-<id>`."""

    file: str
    slot: int


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A fresh key of 32 bytes and where it is."""

    location: KeyLocation
    key: bytes


@dataclass(slots=True)
class _OwnFile:
    name: str
    descriptor: int
    day_key: AESGCM
    used: int = 0


class KeyStore:
    """The key store in one folder, which all processes of one database share; safe in threads.

    Methods that touch files raise `StorageUnavailable`, also where the folder is suddenly another one: an
    unmounted file system is no reason to take keys for destroyed.
    """

    def __init__(self, folder: Path, identity: bytes, key_encryption_key: bytes) -> None:
        self.folder = folder
        self._identity = identity
        whole = b"sayso key store\0" + identity + key_encryption_key
        self.fingerprint = hashlib.sha256(whole).hexdigest()[:32]
        self._wrapping = AESGCM(key_encryption_key)
        self._tagging = hmac.digest(key_encryption_key, b"sayso: tags of end users", "sha256")
        self._own: OrderedDict[tuple[str, str], _OwnFile] = OrderedDict()
        self._day_keys: OrderedDict[str, AESGCM] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def open(cls, folder: Path, key_encryption_key: bytes | None = None) -> Self:
        """Open the store in `folder`; make it on first use, readable by its owner alone.

        Raises `ConfigurationError` where it can not be made, is damaged or is open to others.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if stat.S_IMODE(folder.stat().st_mode) & 0o007:
                raise ConfigurationError(f"'{folder}' is open to everyone on this machine: chmod 700 it")
            tag = folder / TAG_FILE
            if not tag.exists():
                tag.touch(mode=0o600)
                tag.write_bytes(TAG)
        except OSError as error:
            raise ConfigurationError(f"can not use '{folder}': {error.strerror}") from None
        identity = load_or_make(folder / IDENTITY_FILE)
        return cls(folder, identity, key_encryption_key or load_or_make(folder / KEY_FILE))

    def tag(self, organization_id: str, end_user: str) -> str:
        """Return what stands for an organization's own user, 32 hex digits, empty for an empty text.

        Without the key-encryption key nobody can tell whom it stands for, not by guessing either.
        """
        whole = hmac.digest(self._tagging, f"{organization_id}\0{end_user}".encode(), "sha256")
        return whole.hex()[:32] if end_user else ""

    def issue(self, organization_id: str, day: str, count: int, *, durable: bool) -> list[IssuedKey]:
        """Make `count` keys for records of an organization's day; on disk on return where `durable`."""
        with self._lock, _storage():
            own = self._own_file(organization_id, day)
            first = own.used
            own.used += count
            issued = [
                IssuedKey(KeyLocation(own.name, first + n), secrets.token_bytes(KEY_BYTES))
                for n in range(count)
            ]
            slots = b"".join(_wrap_slot(own.day_key, one) for one in issued)
            if os.pwrite(own.descriptor, slots, HEADER_BYTES + first * SLOT_BYTES) < len(slots):
                raise OSError(errno.ENOSPC, "a key was written in part")
            if durable:
                os.fdatasync(own.descriptor)
        return issued

    def key(self, location: KeyLocation) -> bytes | None:
        """Return a record's key, None where it is destroyed."""
        with _storage():
            try:
                descriptor = os.open(self._path(location.file), os.O_RDONLY)
            except FileNotFoundError:
                self._check_folder()
                with self._lock:
                    self._day_keys.pop(location.file, None)
                return None
            try:
                slot = os.pread(descriptor, SLOT_BYTES, HEADER_BYTES + location.slot * SLOT_BYTES)
                if len(slot) < SLOT_BYTES or slot == _NO_SLOT:
                    return None
                day_key = self._day_key(location.file, descriptor)
            finally:
                os.close(descriptor)
        return _unwrap(day_key, slot, _slot_name(location)) if day_key else None

    def destroy(self, locations: Iterable[KeyLocation]) -> int:
        """Overwrite these keys; return how many were there. No process can read them afterwards."""
        by_file: dict[str, list[int]] = {}
        for location in locations:
            by_file.setdefault(location.file, []).append(location.slot)
        with _storage():
            self._check_folder()
            return sum(self._destroy_slots(name, slots) for name, slots in sorted(by_file.items()))

    def destroy_file(self, name: str) -> bool:
        """Overwrite a whole file, the day's key first, and remove it; return whether it was there."""
        path = self._path(name)
        with _storage():
            try:
                descriptor = os.open(path, os.O_WRONLY)
            except FileNotFoundError:
                self._check_folder()
                return False
            try:
                for offset in range(0, os.fstat(descriptor).st_size, HEADER_BYTES + READ_SLOTS * SLOT_BYTES):
                    left = os.fstat(descriptor).st_size - offset
                    zeros = bytes(min(left, HEADER_BYTES + READ_SLOTS * SLOT_BYTES))
                    os.pwrite(descriptor, zeros, offset)
                    os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
            path.unlink(missing_ok=True)
            with suppress(FileNotFoundError):  # another gateway has removed it, which it has synced
                _sync_folder(path.parent)
            with suppress(OSError):  # other days are still there
                path.parent.rmdir()
        with self._lock:
            self._day_keys.pop(name, None)
        return True

    def files(self) -> Iterator[str]:
        """Yield the name of every file, in order."""
        with _storage():
            paths = sorted(self.folder.glob(f"*/*{SUFFIX}"))
        for path in paths:
            yield f"{path.parent.name}/{path.name.removesuffix(SUFFIX)}"

    def live_slots(self, name: str) -> set[int]:
        """Return the slots of a file that hold a key; none where the file is gone."""
        live: set[int] = set()
        with _storage():
            self._check_folder()
            try:
                descriptor = os.open(self._path(name), os.O_RDONLY)
            except FileNotFoundError:
                return live
            try:
                first = 0
                while block := os.pread(
                    descriptor, READ_SLOTS * SLOT_BYTES, HEADER_BYTES + first * SLOT_BYTES
                ):
                    for n in range(len(block) // SLOT_BYTES):
                        if block[n * SLOT_BYTES : (n + 1) * SLOT_BYTES] != _NO_SLOT:
                            live.add(first + n)
                    first += READ_SLOTS
            finally:
                os.close(descriptor)
        return live

    def close(self) -> None:
        """Close this process's files; what it issued stays."""
        with self._lock:
            for own in self._own.values():
                os.close(own.descriptor)
            self._own.clear()
            self._day_keys.clear()

    def _check_folder(self) -> None:
        if read_key(self.folder / IDENTITY_FILE) != self._identity:
            raise OSError(errno.ESTALE, "another key store is in its place")

    def _own_file(self, organization_id: str, day: str) -> _OwnFile:
        own = self._own.pop((organization_id, day), None)
        if own is not None and os.fstat(own.descriptor).st_nlink == 0:  # destroyed meanwhile
            os.close(own.descriptor)
            own = None
        if own is None:
            own = self._make_file(organization_id, day)
        self._own[organization_id, day] = own
        if len(self._own) > OPEN_FILES:
            os.close(self._own.popitem(last=False)[1].descriptor)
        return own

    def _make_file(self, organization_id: str, day: str) -> _OwnFile:
        name = f"{organization_id}/{day}-{secrets.token_hex(4)}"
        path, key = self._path(name), secrets.token_bytes(KEY_BYTES)
        while True:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            with suppress(FileNotFoundError):  # a sweep has just removed the empty folder
                descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
                break
        header = MAGIC + _wrap(self._wrapping, key, _header_name(name))
        os.pwrite(descriptor, header.ljust(HEADER_BYTES, b"\0"), 0)
        os.fsync(descriptor)
        _sync_folder(path.parent)
        _sync_folder(self.folder)
        return _OwnFile(name, descriptor, AESGCM(key))

    def _day_key(self, name: str, descriptor: int) -> AESGCM | None:
        with self._lock:
            if (known := self._day_keys.get(name)) is not None:
                self._day_keys.move_to_end(name)
                return known
        header = os.pread(descriptor, HEADER_BYTES, 0)
        key = _unwrap(self._wrapping, header[len(MAGIC) :], _header_name(name))
        if key is None:
            return None
        with self._lock:
            self._day_keys[name] = AESGCM(key)
            while len(self._day_keys) > DAY_KEYS:
                self._day_keys.popitem(last=False)
            return self._day_keys[name]

    def _destroy_slots(self, name: str, slots: list[int]) -> int:
        try:
            descriptor = os.open(self._path(name), os.O_RDWR)
        except FileNotFoundError:
            return 0
        destroyed = 0
        try:
            for slot in slots:
                offset = HEADER_BYTES + slot * SLOT_BYTES
                found = os.pread(descriptor, SLOT_BYTES, offset)
                if len(found) == SLOT_BYTES:
                    os.pwrite(descriptor, _NO_SLOT, offset)
                    destroyed += found != _NO_SLOT
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
        return destroyed

    def _path(self, name: str) -> Path:
        organization_id, _, file = name.partition("/")
        for part in (organization_id, file):
            if not part or not part.replace("-", "").replace("_", "").isalnum():
                raise ValueError("not a key file's name")
        return self.folder / organization_id / (file + SUFFIX)


@contextmanager
def _storage() -> Iterator[None]:
    try:
        yield
    except (OSError, ConfigurationError) as error:
        raise StorageUnavailable from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _header_name(name: str) -> bytes:
    return f"day {name}".encode()


def _slot_name(location: KeyLocation) -> bytes:
    return f"record {location.file} {location.slot}".encode()


def _wrap(by: AESGCM, key: bytes, name: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + by.encrypt(nonce, key, name)


def _wrap_slot(day_key: AESGCM, issued: IssuedKey) -> bytes:
    return _wrap(day_key, issued.key, _slot_name(issued.location)).ljust(SLOT_BYTES, b"\0")


def _unwrap(by: AESGCM, wrapped: bytes, name: bytes) -> bytes | None:
    """Return the key; None where it is torn, destroyed or somebody else's."""
    try:
        return by.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:WRAPPED_BYTES], name)
    except (InvalidTag, ValueError):
        return None
