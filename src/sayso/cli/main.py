"""The entry point."""

from typing import Annotated

import typer

from sayso.cli.deferred import DeferredGroup, Place


class _Commands(DeferredGroup):
    """Every command."""

    places = {  # noqa: RUF012 - declared in the class above
        "serve": Place("serve", "serve_command", "Serve the ChatGPT API and the Whisper API."),
        "console": Place(
            "console_link",
            "console_command",
            "Print a link that signs in to the console, once and within 15 minutes.",
        ),
        "chat": Place(
            "chat", "chat_command", "Ask the running server one question; the answer is printed as it comes."
        ),
        "transcribe": Place(
            "transcribe", "transcribe_command", "Transcribe a recording with the running server."
        ),
        "doctor": Place(
            "doctor",
            "doctor_command",
            "Check the machine, the settings, the models, the database and the running server.",
        ),
        "price": Place(
            "price", "price_command", "Say what tokens or audio cost; without either, list the prices."
        ),
        "usage": Place("usage", "usage_command", "Show what an organization used and what it cost."),
        "invoice": Place(
            "invoice",
            "invoice_command",
            "Show the invoice of a month: a draft while it runs, numbered and final once it is over.",
        ),
        "prove-retention": Place(
            "proof.command",
            "prove_retention_command",
            "Prove the data promise: plant content in a server of its own, move the clock, look everywhere.",
        ),
        "ledger": Place("ledger", "ledger_app", "Look at the ledger, and check it."),
        "models": Place("models", "models_app", "Show models, fetch more, name them."),
        "keys": Place("keys", "keys_app", "Make, list and revoke API keys."),
        "orgs": Place("orgs", "orgs_app", "Make and list organizations."),
        "limits": Place("limits", "limits_app", "Show, set and remove rate limits and budgets."),
        "instances": Place("instances", "instances_app", "Make, show, change and end dedicated instances."),
        "invites": Place("invites", "invites_app", "Accept invitations to the organization."),
        "retention": Place(
            "retention",
            "retention_app",
            "Show and change what is kept; erase, export and hold it; check deletion receipts.",
        ),
        "corpus": Place(
            "corpus",
            "corpus_app",
            "Content for improving the service, of organizations that have opted in.",
        ),
    }


app = typer.Typer(
    name="sayso",
    cls=_Commands,
    help="Your own ChatGPT and Whisper API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # they may hold content
)


def _version(wanted: bool) -> None:
    if wanted:
        from sayso import __version__  # read from the installed package

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Your own ChatGPT and Whisper API."""


def main() -> None:
    """Run the command line."""
    app()
