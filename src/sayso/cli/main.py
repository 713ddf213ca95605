"""The entry point."""

from typing import Annotated

import typer

from sayso import __version__
from sayso.cli.chat import chat_command
from sayso.cli.console_link import console_command
from sayso.cli.corpus import corpus_app
from sayso.cli.doctor import doctor_command
from sayso.cli.instances import instances_app
from sayso.cli.invites import invites_app
from sayso.cli.invoice import invoice_command
from sayso.cli.keys import keys_app
from sayso.cli.ledger import ledger_app
from sayso.cli.limits import limits_app
from sayso.cli.models import models_app
from sayso.cli.orgs import orgs_app
from sayso.cli.price import price_command
from sayso.cli.proof.command import prove_retention_command
from sayso.cli.retention import retention_app
from sayso.cli.serve import serve_command
from sayso.cli.transcribe import transcribe_command
from sayso.cli.usage import usage_command

app = typer.Typer(
    name="sayso",
    help="Your own ChatGPT and Whisper API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # they may hold content
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Your own ChatGPT and Whisper API."""


app.command("serve")(serve_command)
app.command("console")(console_command)
app.command("chat")(chat_command)
app.command("transcribe")(transcribe_command)
app.command("doctor")(doctor_command)
app.command("price")(price_command)
app.command("usage")(usage_command)
app.command("invoice")(invoice_command)
app.command("prove-retention")(prove_retention_command)
app.add_typer(ledger_app, name="ledger")
app.add_typer(models_app, name="models")
app.add_typer(keys_app, name="keys")
app.add_typer(orgs_app, name="orgs")
app.add_typer(limits_app, name="limits")
app.add_typer(instances_app, name="instances")
app.add_typer(invites_app, name="invites")
app.add_typer(retention_app, name="retention")
app.add_typer(corpus_app, name="corpus")


def main() -> None:
    """Run the command line."""
    app()
