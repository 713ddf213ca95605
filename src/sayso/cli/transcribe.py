"""`sayso transcribe`: a recording in, text or subtitles out."""

import asyncio
from pathlib import Path
from typing import Annotated, Literal

import typer

from sayso.cli.client import reach_server
from sayso.cli.console import out, refusals
from sayso.cli.options import ConfigOption, DataDirOption, ModelOption
from sayso.cli.uploads import read_recording, upload

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
    content = read_recording(file)
    async with reach_server(config, data_dir) as server:
        answer = await upload(server, path, fields, content)
    out.out(answer.text.rstrip("\n"), highlight=False)
