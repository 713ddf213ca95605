"""`sayso retention hold`: legal holds, which an organization's owners see."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from sayso.cli.console import id_table, out, plain
from sayso.cli.database import OrgOption, ProjectOption
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.cli.retained import KeptData, moment, with_retention
from sayso.jobs.data_decisions import hold, release
from sayso.retention.clock import wall_clock
from sayso.retention.legal_holds import LegalHold, list_holds
from sayso.tenancy.service import DEFAULT

holds_app = typer.Typer(help="Place, list and release legal holds.", no_args_is_help=True)


@holds_app.command("add")
def add_command(
    reason: Annotated[str, typer.Option(help="Why; the organization's owners see it.")],
    org: OrgOption = DEFAULT,
    project: ProjectOption = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Keep the content of an organization or a project from being destroyed until the hold is released."""

    async def place(kept: KeptData) -> LegalHold:
        by = await kept.operator(org)
        return await hold(kept.database, by, await kept.project(by, project), reason, wall_clock())

    _print([with_retention(place, config, data_dir)], as_json=as_json, single=True)


@holds_app.command("list")
def list_command(
    org: OrgOption = DEFAULT,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """List an organization's legal holds, released ones too."""

    async def read(kept: KeptData) -> list[LegalHold]:
        by = await kept.operator(org)
        async with kept.database.read() as session:
            return await list_holds(session, by.org_id)

    _print(with_retention(read, config, data_dir), as_json=as_json)


@holds_app.command("release")
def release_command(
    hold_id: Annotated[str, typer.Argument(metavar="ID", help="The hold's id, hold_…")],
    org: OrgOption = DEFAULT,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Release a legal hold, and destroy what is due."""

    async def end(kept: KeptData) -> LegalHold:
        ended = await release(kept.database, await kept.operator(org), hold_id, wall_clock())
        await kept.promise.sweeper.sweep()
        return ended

    _print([with_retention(end, config, data_dir)], as_json=as_json, single=True)


def _print(holds: Sequence[LegalHold], *, as_json: bool, single: bool = False) -> None:
    if as_json:
        found = [asdict(one) for one in holds]
        out.out(json.dumps(found[0] if single else found), highlight=False)
        return
    table = id_table("id", "on", "placed (UTC)", "by", "released (UTC)", "reason")
    for one in holds:
        table.add_row(
            one.id,
            plain(one.scope_id),
            moment(one.created_at),
            one.created_by,
            moment(one.released_at),
            plain(one.reason),
        )
    out.print(table)
