"""`sayso serve`: the server."""

from typing import Annotated

import typer

from sayso.cli.console import refusals
from sayso.cli.options import ConfigOption, DataDirOption
from sayso.config import load_settings


def serve_command(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; default 8000, 0 any free one.")] = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Serve the ChatGPT API and the Whisper API."""
    with refusals():
        settings = load_settings(config, host=host, port=port, data_dir=data_dir)
        from sayso.cli.starting import run_server  # not before the settings are known to be good

        run_server(settings)
