"""One file over HTTP, taken up where an earlier attempt left off."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import httpx2
from huggingface_hub import get_session

from sayso.catalog.storage import Progress
from sayso.errors import ConfigurationError

TIMEOUT: Final = 30.0  # seconds without a byte
ATTEMPTS: Final = 5  # in a row that brought nothing
TRANSIENT: Final = frozenset({408, 429, 500, 502, 503, 504})
TOO_LONG: Final = "the hub sent more bytes than it said there were"


def fetch(
    url: str,
    target: Path,
    size: int,
    headers: Mapping[str, str],
    progress: Progress,
    *,
    attempts: int = ATTEMPTS,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Append to `target` until it has `size` bytes; what is there already is not asked for again.

    A broken transfer is taken up again, after a growing pause, until `attempts` in a row brought nothing.
    Raises `ConfigurationError`; what has come by then stays in `target`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    target.touch()
    failures = 0
    while (before := target.stat().st_size) < size:
        try:
            _append(url, target, before, size, headers, progress)
        except httpx2.HTTPError as error:
            failures = 0 if target.stat().st_size > before else failures
            failures += 1
            if failures >= attempts or not _is_transient(error):
                raise ConfigurationError(explain(error)) from None
            pause(min(2.0**failures, 30.0))
    progress(target.name, size, size)


def explain(error: httpx2.HTTPError | ConnectionError) -> str:
    """Say what went wrong, without the address: a redirect's holds a signature."""
    match getattr(error, "response", None):
        case httpx2.Response(status_code=401 | 403):
            return (
                "the hub refuses access: the model is private, or its terms must be accepted first (HF_TOKEN)"
            )
        case httpx2.Response(status_code=404):
            return "the hub has no such repository, revision or file"
        case httpx2.Response(status_code=status):
            return f"the hub answered {status}; what has come is kept, so try again later"
        case _:
            return (
                f"the hub is out of reach ({type(error).__name__}); what has come is kept, so try again later"
            )


def _append(
    url: str, target: Path, offset: int, size: int, headers: Mapping[str, str], progress: Progress
) -> None:
    # Without compression the offsets of the file and of the transfer are the same.
    wanted = {**headers, "Accept-Encoding": "identity"}
    if offset:
        wanted["Range"] = f"bytes={offset}-"
    with (
        get_session().stream("GET", url, headers=wanted, timeout=TIMEOUT) as response,
        target.open("ab") as out,
    ):
        response.raise_for_status()
        if response.status_code != httpx2.codes.PARTIAL_CONTENT:
            out.truncate(0)  # the server began again
            offset = 0
        for chunk in response.iter_raw():
            offset += len(chunk)
            if offset > size:
                out.truncate(0)
                raise ConfigurationError(f"{target.name}: {TOO_LONG}")
            out.write(chunk)
            progress(target.name, offset, size)


def _is_transient(error: httpx2.HTTPError) -> bool:
    response = getattr(error, "response", None)
    return response is None or response.status_code in TRANSIENT
