"""`sayso keys`: keys of an organization's oldest project, and admin keys of the organization."""

import json
from typing import Annotated, TypeAlias

import typer

from sayso.app.tenancy import Tenancy
from sayso.cli.console import id_table, out, plain
from sayso.cli.database import OrgOption
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.cli.tenancy import with_tenancy
from sayso.ids import KeyId
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.admin_keys import AdminKeyRecord, all_admin_keys, create_admin_key, revoke_admin_key
from sayso.tenancy.api_keys import KeyRecord, create_key, list_keys, revoke_key
from sayso.tenancy.service import DEFAULT, default_project

AnyKey: TypeAlias = KeyRecord | AdminKeyRecord

AdminOption = Annotated[
    bool, typer.Option("--admin", help="A key for the admin API, instead of a key for models.")
]

keys_app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)


@keys_app.command("create")
def create_command(
    name: Annotated[str, typer.Option(help="What the key is for.")],
    admin: AdminOption = False,
    org: OrgOption = DEFAULT,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a key; it is shown this once and works at once."""

    async def create(tenancy: Tenancy) -> tuple[KeyId, str]:
        project = await default_project(tenancy.database, org)
        if admin:
            accounts = Accounts(tenancy.database, tenancy.pepper)
            made = await create_admin_key(accounts, project.operator, name)
            return made.key.id, made.secret
        key = await create_key(tenancy.database, tenancy.pepper, project.operator, project.id, name)
        return key.id, key.secret

    key_id, secret = with_tenancy(create, config, data_dir)
    if as_json:
        out.out(json.dumps({"id": key_id, "key": secret}), highlight=False)
    else:
        out.out(f"{secret}\n", highlight=False)
        out.print(f"This is key {key_id}. It will not be shown again.")


@keys_app.command("list")
def list_command(
    admin: AdminOption = False,
    org: OrgOption = DEFAULT,
    as_json: JsonOption = False,
    everything: Annotated[bool, typer.Option("--all", help="Revoked ones too.")] = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """List the keys of the organization's oldest project, or its admin keys."""

    async def read(tenancy: Tenancy) -> tuple[AnyKey, ...]:
        project = await default_project(tenancy.database, org)
        if admin:
            return await all_admin_keys(tenancy.database, project.org_id)
        return await list_keys(tenancy.database, project.org_id, project.id)

    keys = with_tenancy(read, config, data_dir)
    keys = tuple(key for key in keys if everything or key.revoked_at is None)
    if as_json:
        out.out(json.dumps([_as_dict(key) for key in keys]), highlight=False)
        return
    table = id_table("id", "name", "key", "made", "last used", "state")
    for key in keys:
        used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
        state = "revoked" if key.revoked_at else "active"
        table.add_row(
            key.id, plain(key.name), key.redacted_value, f"{key.created_at:%Y-%m-%d %H:%M}", used, state
        )
    out.print(table)


@keys_app.command("revoke")
def revoke_command(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, key_…")],
    admin: AdminOption = False,
    org: OrgOption = DEFAULT,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Revoke a key; within a second no server takes it any more."""

    async def revoke(tenancy: Tenancy) -> None:
        project = await default_project(tenancy.database, org)
        if admin:
            await revoke_admin_key(tenancy.database, project.operator, KeyId(key_id))
        else:
            await revoke_key(tenancy.database, project.operator, project.id, KeyId(key_id))

    with_tenancy(revoke, config, data_dir)
    out.print(f"{key_id} is revoked.")


def _as_dict(key: AnyKey) -> dict[str, str | None]:
    return {
        "id": key.id,
        "name": key.name,
        "redacted_value": key.redacted_value,
        "created_at": key.created_at.isoformat(),
        "last_used_at": key.last_used_at.isoformat() if key.last_used_at else None,
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }
