"""Options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Settings file; default ./sayso.toml, if there is one.")
]
DataDirOption = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder for database, models and caches.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ModelOption = Annotated[str, typer.Option("--model", "-m", help="Model, by alias or snapshot.")]
