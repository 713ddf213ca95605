"""`sayso transcribe`: a recording in, text or subtitles out."""

import asyncio
from pathlib import Path
from typing import Annotated, Literal

import aiohttp
import orjson
import typer

from sayso.cli.client import ServerAddress, reach_server
from sayso.cli.console import out, refusals
from sayso.cli.options import ConfigOption, DataDirOption, ModelOption
from sayso.engines.wire.errors import decode_error
from sayso.errors import ConfigurationError, EngineUnavailable

Format = Literal["text", "json", "srt", "vtt", "verbose_json"]


def transcribe_command(
    file: Annotated[Path, typer.Argument(help="Recording: flac, m4a, mp3, mp4, ogg, wav, webm …")],
    translate: Annotated[bool, typer.Option("--translate", help="Translate into English.")] = False,
    format: Annotated[Format, typer.Option("--format", help="Form of the answer.")] = "text",  # noqa: A002
    language: Annotated[str | None, typer.Option(help="ISO 639-1 code; default: detected.")] = None,
    prompt: Annotated[str | None, typer.Option(help="Text that came before, or names to expect.")] = None,
    model: ModelOption = "whisper-1",
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Transcribe a recording with the running server."""
    fields = {"model": model, "response_format": format}
    if prompt:
        fields["prompt"] = prompt
    if language and not translate:
        fields["language"] = language
    path = "/audio/translations" if translate else "/audio/transcriptions"
    with refusals():
        asyncio.run(_transcribe(file, path, fields, config, data_dir))


async def _transcribe(
    file: Path, path: str, fields: dict[str, str], config: Path | None, data_dir: Path | None
) -> None:
    try:
        content = file.read_bytes()  # noqa: ASYNC240 - nothing else runs in this loop
    except OSError as error:
        raise ConfigurationError(f"can not read '{file}': {error.strerror}") from None
    async with reach_server(config, data_dir) as server:
        answer = await _post(server, path, fields, content)
    out.out(answer.rstrip("\n"), highlight=False)


async def _post(server: ServerAddress, path: str, fields: dict[str, str], content: bytes) -> str:
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
            return text
    except aiohttp.ClientError as error:
        raise EngineUnavailable(f"can not reach {server.base_url}") from error


def _json(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
