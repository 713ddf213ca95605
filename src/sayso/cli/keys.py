"""`sayso keys`: make, list and revoke keys of the default project, and admin keys of its organization."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeAlias, TypeVar

import typer

from sayso.app.tenancy import Tenancy, open_tenancy
from sayso.cli.console import id_table, out, refusals
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.config import load_settings
from sayso.ids import KeyId
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.admin_keys import AdminKeyRecord, all_admin_keys, create_admin_key, revoke_admin_key
from sayso.tenancy.api_keys import KeyRecord, create_key, list_keys, revoke_key
from sayso.tenancy.service import default_project

T = TypeVar("T")
AnyKey: TypeAlias = KeyRecord | AdminKeyRecord

AdminOption = Annotated[
    bool, typer.Option("--admin", help="A key for the admin API, instead of a key for models.")
]

keys_app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)


@keys_app.command("create")
def create_command(
    name: Annotated[str, typer.Option(help="What the key is for.")],
    admin: AdminOption = False,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a key; it is shown this once and works at once."""

    async def create(tenancy: Tenancy) -> tuple[KeyId, str]:
        project = await default_project(tenancy.database)
        if admin:
            accounts = Accounts(tenancy.database, tenancy.pepper)
            made = await create_admin_key(accounts, project.operator, name)
            return made.key.id, made.secret
        key = await create_key(tenancy.database, tenancy.pepper, project.operator, project.id, name)
        return key.id, key.secret

    key_id, secret = _with_tenancy(create, config, data_dir)
    if as_json:
        out.out(json.dumps({"id": key_id, "key": secret}), highlight=False)
    else:
        out.out(f"{secret}\n", highlight=False)
        out.print(f"This is key {key_id}. It will not be shown again.")


@keys_app.command("list")
def list_command(
    admin: AdminOption = False,
    as_json: JsonOption = False,
    everything: Annotated[bool, typer.Option("--all", help="Revoked ones too.")] = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """List the keys of the default project."""

    async def read(tenancy: Tenancy) -> tuple[AnyKey, ...]:
        project = await default_project(tenancy.database)
        if admin:
            return await all_admin_keys(tenancy.database, project.org_id)
        return await list_keys(tenancy.database, project.org_id, project.id)

    keys = _with_tenancy(read, config, data_dir)
    keys = tuple(key for key in keys if everything or key.revoked_at is None)
    if as_json:
        out.out(json.dumps([_as_dict(key) for key in keys]), highlight=False)
        return
    table = id_table("id", "name", "key", "made", "last used", "state")
    for key in keys:
        used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
        state = "revoked" if key.revoked_at else "active"
        table.add_row(key.id, key.name, key.redacted_value, f"{key.created_at:%Y-%m-%d %H:%M}", used, state)
    out.print(table)


@keys_app.command("revoke")
def revoke_command(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, key_…")],
    admin: AdminOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Revoke a key; within a second no server takes it any more."""

    async def revoke(tenancy: Tenancy) -> None:
        project = await default_project(tenancy.database)
        if admin:
            await revoke_admin_key(tenancy.database, project.operator, KeyId(key_id))
        else:
            await revoke_key(tenancy.database, project.operator, project.id, KeyId(key_id))

    _with_tenancy(revoke, config, data_dir)
    out.print(f"{key_id} is revoked.")


def _with_tenancy(work: Callable[[Tenancy], Awaitable[T]], config: Path | None, data_dir: Path | None) -> T:
    async def run() -> T:
        tenancy = await open_tenancy(load_settings(config, data_dir=data_dir))
        async with tenancy.database:
            return await work(tenancy)

    with refusals():
        return asyncio.run(run())


def _as_dict(key: AnyKey) -> dict[str, str | None]:
    return {
        "id": key.id,
        "name": key.name,
        "redacted_value": key.redacted_value,
        "created_at": key.created_at.isoformat(),
        "last_used_at": key.last_used_at.isoformat() if key.last_used_at else None,
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }
