"""`sayso console`: a link that signs in to the console once."""

from typing import Annotated

import typer

from sayso.app.server_file import ServerFile
from sayso.app.tenancy import Tenancy
from sayso.cli.console import fail, out, refusals
from sayso.cli.options import ConfigOption, DataDirOption
from sayso.cli.tenancy import with_tenancy
from sayso.config import load_settings
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.console_links import create_console_link
from sayso.tenancy.service import DEFAULT, default_project


def console_command(
    org: Annotated[str, typer.Option(help="Id or slug of the organization to sign in to.")] = DEFAULT,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Print a link that signs in to the console, once and within 15 minutes."""
    with refusals():
        settings = load_settings(config, data_dir=data_dir)
    base_url = ServerFile(settings.data_dir).base_url()
    if base_url is None:
        fail("no server runs with this data folder: start one with `sayso serve`")

    async def make(tenancy: Tenancy) -> str:
        return await sign_in_link(tenancy, base_url, org)

    out.out(with_tenancy(make, config, data_dir), highlight=False)


async def sign_in_link(tenancy: Tenancy, base_url: str, organization: str = DEFAULT) -> str:
    """Return an address that signs in to an organization as its first owner.

    The secret stands behind the `#`, which no browser sends. Raises `ObjectNotFound` for the organization.
    """
    owner = (await default_project(tenancy.database, organization)).operator
    token = await create_console_link(Accounts(tenancy.database, tenancy.pepper), owner)
    return f"{base_url.removesuffix('/v1')}/console/sign-in#link={token}"
