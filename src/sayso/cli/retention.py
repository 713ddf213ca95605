"""`sayso retention`: what is kept, for how long, and what shows that the rest is gone."""

import typer

from sayso.cli.retention_export import export_command
from sayso.cli.retention_holds import holds_app
from sayso.cli.retention_show import set_command, show_command
from sayso.cli.retention_sweep import erase_command, receipts_command, sweep_command, verify_command

retention_app = typer.Typer(
    help="Show and change what is kept; erase, export and hold it; check deletion receipts.",
    no_args_is_help=True,
)

retention_app.command("show")(show_command)
retention_app.command("set")(set_command)
retention_app.command("sweep")(sweep_command)
retention_app.command("receipts")(receipts_command)
retention_app.command("verify")(verify_command)
retention_app.command("export")(export_command)
retention_app.command("erase")(erase_command)
retention_app.add_typer(holds_app, name="hold")
