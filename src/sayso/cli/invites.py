"""`sayso invites`: sayso sends no mail and has no login, so the operator accepts for whom an invite is."""

import json
from typing import Annotated

import typer

from sayso.app.tenancy import Tenancy
from sayso.cli.console import out
from sayso.cli.database import OrgOption
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.cli.tenancy import with_tenancy
from sayso.ids import InviteId, UserId
from sayso.tenancy.joining import accept_invite
from sayso.tenancy.service import DEFAULT, default_project

invites_app = typer.Typer(help="Accept invitations to the organization.", no_args_is_help=True)


@invites_app.callback()
def root() -> None:
    """Accept invitations to the organization."""


@invites_app.command("accept")
def accept_command(
    invite_id: Annotated[str, typer.Argument(metavar="ID", help="The invitation's id, invite_…")],
    name: Annotated[str, typer.Option(help="The person's name.")],
    org: OrgOption = DEFAULT,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Make the invited a member of the organization and of the projects that came with the invitation."""

    async def accept(tenancy: Tenancy) -> UserId:
        project = await default_project(tenancy.database, org)
        return await accept_invite(tenancy.database, project.operator, InviteId(invite_id), name)

    user_id = with_tenancy(accept, config, data_dir)
    if as_json:
        out.out(json.dumps({"id": user_id}), highlight=False)
    else:
        out.print(f"{user_id} is a member now.")
