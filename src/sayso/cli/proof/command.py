"""`sayso prove-retention`: a report that an auditor can read; exit status 1 where the promise is broken."""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from sayso.cli.console import err, out, refusals
from sayso.cli.options import JsonOption
from sayso.cli.proof.proving import Terms, prove
from sayso.cli.proof.report import Report, as_document, as_text
from sayso.errors import ConfigurationError


def prove_retention_command(
    database_url: Annotated[
        str | None,
        typer.Option(
            "--database",
            metavar="URL",
            help="An empty PostgreSQL database; without it, SQLite in a new folder.",
        ),
    ] = None,
    database_files: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH", help="Where the PostgreSQL server keeps it, to be searched too; repeatable."
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="A new folder to work in, which stays; without it, a temporary one.")
    ] = None,
    audio_seconds: Annotated[
        float, typer.Option(min=0.5, max=600, help="Length of the recordings, in seconds.")
    ] = 60.0,
    no_sweep: Annotated[
        bool, typer.Option("--no-sweep", help="Destroy nothing: a proof that has to fail.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Prove the data promise: plant content in a server of its own, move the clock, look everywhere."""

    async def run(root: Path) -> Report:
        url = database_url or f"sqlite:///{root / 'data' / 'sayso.db'}"
        terms = Terms(root, url, tuple(database_files or ()), audio_seconds, not no_sweep)
        return await prove(terms, lambda step: None if as_json else err.print(step))

    with refusals():
        if folder is not None:
            _new(folder)
            report = asyncio.run(run(folder.absolute()))
        else:
            with tempfile.TemporaryDirectory(prefix="sayso-proof-") as made:
                report = asyncio.run(run(Path(made)))
    if as_json:
        out.out(json.dumps(as_document(report)), highlight=False)
    else:
        out.out(as_text(report), highlight=False)
    if not report.ok:
        raise typer.Exit(1)


def _new(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise ConfigurationError(f"can not make the folder '{folder}': {error.strerror}") from None
