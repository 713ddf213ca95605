"""What a response says of the end of the model that its request named."""

from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote

from sayso.catalog.names import Deprecation


def deprecation_headers(end: Deprecation) -> dict[str, str]:
    """Return `Deprecation` (RFC 9745), `Sunset` (RFC 8594) if an end is set, and a `Link` to a successor."""
    headers = {"deprecation": f"@{end.deprecated_from // 1_000_000}"}
    if end.shutdown_at is not None:
        moment = datetime.fromtimestamp(end.shutdown_at // 1_000_000, UTC)
        headers["sunset"] = format_datetime(moment, usegmt=True)
    if end.replacement:
        headers["link"] = f'</v1/models/{quote(end.replacement, safe="")}>; rel="successor-version"'
    return headers
