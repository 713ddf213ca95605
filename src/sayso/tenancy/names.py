"""What a name may be."""

from datetime import UTC, datetime, timedelta

from sayso.errors import InvalidRequest
from sayso.tenancy.tables import NAME_LENGTH

MAX_EXPIRY = 31_536_000  # seconds; a year


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
