"""What an API key looks like: a prefix, 12 characters to find it by, 33 secret ones, 6 of checksum.

The prefix is `sk-sayso-` for a project's key and `sk-sayso-admin-` for an organization's.

All characters after the prefix are base62. The secret has 33 × log2(62) = 196 random bits, of which the four
checksum characters that are shown again later tell at most 24. The checksum is the CRC-32 of everything
before it: a mistyped key, or a string that a leak scanner takes for one, is known without a database.
"""

import hmac
import re
import secrets
import string
import zlib

PREFIX = "sk-sayso-"
ADMIN_PREFIX = "sk-sayso-admin-"
LOOKUP_LENGTH = 12
SECRET_LENGTH = 33
CHECKSUM_LENGTH = 6
BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase

_BODY_LENGTH = LOOKUP_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH
_BODY = re.compile(f"[0-9A-Za-z]{{{_BODY_LENGTH}}}", re.ASCII)


def new_key(prefix: str = PREFIX) -> str:
    """Return a fresh key: `prefix` and 51 characters."""
    body = "".join(secrets.choice(BASE62) for _ in range(LOOKUP_LENGTH + SECRET_LENGTH))
    return prefix + body + checksum(prefix + body)


def checksum(text: str) -> str:
    """Return the CRC-32 of ASCII `text` as six base62 digits, the most significant first."""
    rest = zlib.crc32(text.encode("ascii"))
    digits = []
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(BASE62))
        digits.append(BASE62[digit])
    return "".join(reversed(digits))


def lookup_id(key: str, prefix: str = PREFIX) -> str | None:
    """Return the part that a key is found by, or None for what can not be a key of ours with that prefix."""
    body = key.removeprefix(prefix)
    if not key.startswith(prefix) or not _BODY.fullmatch(body):
        return None
    if checksum(key[:-CHECKSUM_LENGTH]) != key[-CHECKSUM_LENGTH:]:
        return None
    return body[:LOOKUP_LENGTH]


def digest(pepper: bytes, key: str) -> bytes:
    """Return what is stored of a key: HMAC-SHA-256 under the pepper, 32 bytes."""
    return hmac.digest(pepper, key.encode("ascii"), "sha256")


def redact(key: str) -> str:
    """Return the form in which a key may be shown again: its prefix and its last four characters."""
    prefix = ADMIN_PREFIX if key.startswith(ADMIN_PREFIX) else PREFIX
    return f"{prefix}...{key[-4:]}"


def mask(presented: str) -> str:
    """Return what an error may repeat of a string that was shown as a key, whatever it is."""
    if len(presented) < 16 or not presented.isascii() or not presented.isprintable():
        return "****"
    return f"{presented[:4]}****{presented[-4:]}"
