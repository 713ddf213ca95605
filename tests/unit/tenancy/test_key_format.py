"""What a key looks like, and what is known of a wrong one without a database."""

import math
import zlib

from hypothesis import given
from hypothesis import strategies as st

from sayso.tenancy import key_format
from sayso.tenancy.key_format import ADMIN_PREFIX, BASE62, PREFIX

ascii_text = st.text(st.characters(max_codepoint=127), max_size=80)


def from_base62(digits: str) -> int:
    value = 0
    for digit in digits:
        value = value * 62 + BASE62.index(digit)
    return value


def test_a_new_key_has_the_form_and_the_entropy() -> None:
    keys = [key_format.new_key() for _ in range(500)]
    assert len({key_format.lookup_id(key) for key in keys}) == 500
    for key in keys:
        assert key.startswith(PREFIX)
        assert len(key) == 60
        assert set(key[len(PREFIX) :]) <= set(BASE62)
    shown = 4 * math.log2(62)
    assert key_format.SECRET_LENGTH * math.log2(62) - shown >= 160
    assert set().union(*(set(key[21:54]) for key in keys)) == set(BASE62)


@given(ascii_text)
def test_the_checksum_is_the_crc_in_base62(text: str) -> None:
    digits = key_format.checksum(text)
    assert len(digits) == 6
    assert from_base62(digits) == zlib.crc32(text.encode())


@given(st.integers(len(PREFIX), 59), st.sampled_from(BASE62))
def test_any_one_wrong_character_is_noticed(place: int, wrong: str) -> None:
    key = key_format.new_key()
    changed = key[:place] + wrong + key[place + 1 :]
    assert (key_format.lookup_id(changed) is None) == (changed != key)


@given(st.text(max_size=80))
def test_other_strings_are_no_keys(text: str) -> None:
    assert key_format.lookup_id(text) is None
    assert key_format.lookup_id(PREFIX + text) is None
    assert key_format.lookup_id(key_format.new_key() + text) is None or text == ""


def test_look_alikes_are_no_keys() -> None:
    key = key_format.new_key()
    wide = key[:20] + "١" + key[21:]  # an Arabic-Indic digit is a digit to a careless pattern
    for other in (
        key + "\n",
        " " + key,
        key.upper(),
        key[:-1],
        wide,
        "' OR 1=1 --",
        "sk-sayso-\x00" + key[10:],
    ):
        assert key_format.lookup_id(other) is None


@given(st.text(max_size=80))
def test_a_mask_shows_at_most_eight_plain_characters(text: str) -> None:
    masked = key_format.mask(text)
    assert len(masked) <= 12
    assert masked.isascii()
    assert masked.isprintable()


def test_a_mask_shows_both_ends() -> None:
    key = key_format.new_key()
    assert key_format.mask(key) == f"sk-s****{key[-4:]}"
    assert key_format.redact(key) == f"sk-sayso-...{key[-4:]}"
    assert key_format.mask("hunter2") == "****"


def test_the_digest_depends_on_key_and_pepper() -> None:
    keys = (key_format.new_key(), key_format.new_key())
    digests = {key_format.digest(pepper, key) for pepper in (b"a" * 32, b"b" * 32) for key in keys}
    assert len(digests) == 4
    assert {len(digest) for digest in digests} == {32}


def test_an_admin_key_is_no_projects_key() -> None:
    admin, key = key_format.new_key(ADMIN_PREFIX), key_format.new_key()
    assert len(admin) == 66
    assert key_format.lookup_id(admin, ADMIN_PREFIX) == admin[15:27]
    assert key_format.lookup_id(admin) is None
    assert key_format.lookup_id(key, ADMIN_PREFIX) is None
    assert key_format.redact(admin) == f"sk-sayso-admin-...{admin[-4:]}"
    # The prefix is under the checksum: neither kind becomes the other by an edit.
    assert key_format.lookup_id(PREFIX + admin.removeprefix(ADMIN_PREFIX)) is None
