"""`sayso keys`: make, list and revoke API keys."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from sayso.app.tenancy import Tenancy, open_tenancy
from sayso.cli.console import id_table, out, refusals
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.config import load_settings
from sayso.ids import KeyId
from sayso.tenancy.api_keys import KeyRecord, NewKey, create_key, list_keys, revoke_key
from sayso.tenancy.service import default_project

T = TypeVar("T")

keys_app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)


@keys_app.command("create")
def create_command(
    name: Annotated[str, typer.Option(help="What the key is for.")],
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a key; it is shown this once and works at once."""

    async def create(tenancy: Tenancy) -> NewKey:
        project = await default_project(tenancy.database)
        return await create_key(tenancy.database, tenancy.pepper, project, name)

    key = _with_tenancy(create, config, data_dir)
    if as_json:
        out.out(json.dumps({"id": key.id, "key": key.secret}), highlight=False)
    else:
        out.out(f"{key.secret}\n", highlight=False)
        out.print(f"This is key {key.id}. It will not be shown again.")


@keys_app.command("list")
def list_command(
    as_json: JsonOption = False,
    everything: Annotated[bool, typer.Option("--all", help="Revoked ones too.")] = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """List the keys of the default project."""

    async def read(tenancy: Tenancy) -> tuple[KeyRecord, ...]:
        return await list_keys(tenancy.database, await default_project(tenancy.database))

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
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Revoke a key; within a second no server takes it any more."""

    async def revoke(tenancy: Tenancy) -> KeyRecord:
        project = await default_project(tenancy.database)
        return await revoke_key(tenancy.database, project, KeyId(key_id))

    _with_tenancy(revoke, config, data_dir)
    out.print(f"{key_id} is revoked.")


def _with_tenancy(work: Callable[[Tenancy], Awaitable[T]], config: Path | None, data_dir: Path | None) -> T:
    async def run() -> T:
        tenancy = await open_tenancy(load_settings(config, data_dir=data_dir))
        async with tenancy.database:
            return await work(tenancy)

    with refusals():
        return asyncio.run(run())


def _as_dict(key: KeyRecord) -> dict[str, str | None]:
    return {
        "id": key.id,
        "name": key.name,
        "redacted_value": key.redacted_value,
        "created_at": key.created_at.isoformat(),
        "last_used_at": key.last_used_at.isoformat() if key.last_used_at else None,
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }
