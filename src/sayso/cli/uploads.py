"""Recordings that commands send to a running server."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson

from sayso.cli.client import ServerAddress
from sayso.engines.wire.errors import decode_error
from sayso.errors import ConfigurationError, EngineUnavailable


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What the server answered."""

    headers: Mapping[str, str]
    text: str


def read_recording(file: Path) -> bytes:
    """Return the content of a file. Raises `ConfigurationError` where it can not be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"can not read '{file}': {error.strerror}") from None


async def upload(server: ServerAddress, path: str, fields: dict[str, str], content: bytes) -> Uploaded:
    """Send a recording. Raises what the server refuses it with, `EngineUnavailable` where it is not there."""
    form = aiohttp.FormData(fields)
    form.add_field("file", content, filename="upload")
    headers = {"authorization": f"Bearer {server.api_key}"}
    timeout = aiohttp.ClientTimeout(total=None, connect=5)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(server.base_url + path, data=form, headers=headers) as response,
        ):
            text = await response.text()
            if response.status >= 400:
                raise decode_error(response.status, _json(text), response.headers.get("retry-after"))
            return Uploaded(response.headers, text)
    except aiohttp.ClientError as error:
        raise EngineUnavailable(f"can not reach {server.base_url}") from error


def _json(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
