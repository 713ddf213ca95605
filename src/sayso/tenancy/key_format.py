"""What an API key looks like: `sk-sayso-`, 12 characters to find it by, 33 secret ones, 6 of checksum.

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
LOOKUP_LENGTH = 12
SECRET_LENGTH = 33
CHECKSUM_LENGTH = 6
BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase

_BODY_LENGTH = LOOKUP_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH
_FORM = re.compile(f"{PREFIX}[0-9A-Za-z]{{{_BODY_LENGTH}}}", re.ASCII)


def new_key() -> str:
    """Return a fresh key, 60 characters."""
    body = "".join(secrets.choice(BASE62) for _ in range(LOOKUP_LENGTH + SECRET_LENGTH))
    return PREFIX + body + checksum(PREFIX + body)


def checksum(text: str) -> str:
    """Return the CRC-32 of ASCII `text` as six base62 digits, the most significant first."""
    rest = zlib.crc32(text.encode("ascii"))
    digits = []
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(BASE62))
        digits.append(BASE62[digit])
    return "".join(reversed(digits))


def lookup_id(key: str) -> str | None:
    """Return the part that a key is found by, or None for what can not be a key of ours."""
    if not _FORM.fullmatch(key) or checksum(key[:-CHECKSUM_LENGTH]) != key[-CHECKSUM_LENGTH:]:
        return None
    return key[len(PREFIX) :][:LOOKUP_LENGTH]


def digest(pepper: bytes, key: str) -> bytes:
    """Return what is stored of a key: HMAC-SHA-256 under the pepper, 32 bytes."""
    return hmac.digest(pepper, key.encode("ascii"), "sha256")


def redact(key: str) -> str:
    """Return the form in which a key may be shown again: its prefix and its last four characters."""
    return f"{PREFIX}...{key[-4:]}"


def mask(presented: str) -> str:
    """Return what an error may repeat of a string that was shown as a key, whatever it is."""
    if len(presented) < 16 or not presented.isascii() or not presented.isprintable():
        return "****"
    return f"{presented[:4]}****{presented[-4:]}"
