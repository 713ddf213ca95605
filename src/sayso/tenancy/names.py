"""What a name, a scope and an address may be, and when a key expires."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sayso.errors import InvalidRequest
from sayso.tenancy.roles import KNOWN_SCOPES, Scopes
from sayso.tenancy.tables import EMAIL_LENGTH, NAME_LENGTH

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


def check_name(name: str, what: str = "name") -> str:
    """Return `name`. Raises `InvalidRequest` where it is blank or over 256 characters."""
    if not name.strip() or len(name) > NAME_LENGTH:
        raise InvalidRequest(
            f"Invalid '{what}': a name has 1 to {NAME_LENGTH} characters.", param=what, code="invalid_value"
        )
    return name


def expiry(seconds: int | None) -> datetime | None:
    """Return the moment that many seconds from now, None for None."""
    return None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)


def check_scopes(scopes: Sequence[str]) -> Scopes:
    """Return the scopes, each once. Raises `InvalidRequest` for one that is not known."""
    for scope in scopes:
        if scope not in KNOWN_SCOPES:
            known = ", ".join(f"'{one}'" for one in KNOWN_SCOPES)
            raise InvalidRequest(
                f"Invalid 'scopes'. Supported values are: {known}.", param="scopes", code="invalid_value"
            )
    return tuple(dict.fromkeys(scopes))


def check_email(email: str) -> str:
    """Return an e-mail address in lower case. Raises `InvalidRequest` for what can not be one."""
    if len(email) > EMAIL_LENGTH or not _EMAIL.fullmatch(email):
        raise InvalidRequest(
            "Invalid 'email': expected an e-mail address.", param="email", code="invalid_value"
        )
    return email.lower()
