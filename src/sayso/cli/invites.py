"""`sayso invites`: sayso sends no mail and has no login, so the operator accepts for whom an invite is."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from sayso.app.tenancy import open_tenancy
from sayso.cli.console import out, refusals
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.config import load_settings
from sayso.ids import InviteId, UserId
from sayso.tenancy.joining import accept_invite
from sayso.tenancy.service import default_project

invites_app = typer.Typer(help="Accept invitations to the organization.", no_args_is_help=True)


@invites_app.callback()
def root() -> None:
    """Accept invitations to the organization."""


@invites_app.command("accept")
def accept_command(
    invite_id: Annotated[str, typer.Argument(metavar="ID", help="The invitation's id, invite_…")],
    name: Annotated[str, typer.Option(help="The person's name.")],
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Make the invited a member of the organization and of the projects that came with the invitation."""
    user_id = _accept(InviteId(invite_id), name, config, data_dir)
    if as_json:
        out.out(json.dumps({"id": user_id}), highlight=False)
    else:
        out.print(f"{user_id} is a member now.")


def _accept(invite_id: InviteId, name: str, config: Path | None, data_dir: Path | None) -> UserId:
    async def run() -> UserId:
        tenancy = await open_tenancy(load_settings(config, data_dir=data_dir))
        async with tenancy.database as database:
            project = await default_project(database)
            return await accept_invite(database, project.operator, invite_id, name)

    with refusals():
        return asyncio.run(run())
