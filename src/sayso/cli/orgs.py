"""`sayso orgs`: make and list organizations, each with keys, limits and invoices of its own."""

import json
from typing import Annotated

import typer

from sayso.app.tenancy import Tenancy
from sayso.cli.console import id_table, out, plain
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.cli.tenancy import with_tenancy
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.organizations import (
    NewOrganization,
    OrganizationRecord,
    create_organization,
    list_organizations,
)
from sayso.tenancy.service import default_project

orgs_app = typer.Typer(help="Make and list organizations.", no_args_is_help=True)


@orgs_app.command("create")
def create_command(
    name: Annotated[str, typer.Option(help="What people call it; stands on its invoices.")],
    slug: Annotated[
        str | None, typer.Option(help="Short name for commands and headers; by default made from the name.")
    ] = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Make an organization with a project and an admin key, which is shown this once."""

    async def create(tenancy: Tenancy) -> NewOrganization:
        operator = (await default_project(tenancy.database)).operator
        accounts = Accounts(tenancy.database, tenancy.pepper)
        return await create_organization(accounts, operator, name, slug)

    made = with_tenancy(create, config, data_dir)
    key = made.admin_key
    if as_json:
        admin_key = {"id": key.key.id, "key": key.secret}
        out.out(json.dumps({**_as_dict(made.organization), "admin_key": admin_key}), highlight=False)
        return
    out.out(f"{key.secret}\n", highlight=False)
    out.print(f"This is the first admin key of {made.organization.slug}, {made.organization.id}.")
    out.print("It will not be shown again.")


@orgs_app.command("list")
def list_command(
    as_json: JsonOption = False, data_dir: DataDirOption = None, config: ConfigOption = None
) -> None:
    """List the organizations."""

    async def read(tenancy: Tenancy) -> tuple[OrganizationRecord, ...]:
        return await list_organizations(tenancy.database)

    found = with_tenancy(read, config, data_dir)
    if as_json:
        out.out(json.dumps([_as_dict(one) for one in found]), highlight=False)
        return
    table = id_table("id", "slug", "name", "projects", "made")
    for one in found:
        made = f"{one.created_at:%Y-%m-%d %H:%M}"
        table.add_row(one.id, one.slug, plain(one.name), str(one.projects), made)
    out.print(table)


def _as_dict(one: OrganizationRecord) -> dict[str, object]:
    return {
        "id": one.id,
        "slug": one.slug,
        "name": one.name,
        "projects": one.projects,
        "created_at": one.created_at.isoformat(),
    }
