"""`sayso retention show` and `set`: what is kept of an organization, and for how long it is."""

import json
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from sayso.cli.console import id_table, out, plain
from sayso.cli.database import OrgOption, ProjectOption
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.cli.retained import KeptData, moment, with_retention
from sayso.core.caller import AdminCaller
from sayso.jobs.data_decisions import change_policy
from sayso.jobs.data_standing import DataStanding, data_standing
from sayso.retention.clock import wall_clock
from sayso.retention.policy import RetentionPolicy, RetentionSetting
from sayso.tenancy.service import DEFAULT


class Wanted(StrEnum):
    """What can be asked for."""

    zero = "zero"
    stored_only = "stored-only"
    default = "default"
    inherit = "inherit"
    days = "days"


def show_command(
    org: OrgOption = DEFAULT,
    project: ProjectOption = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Show the policies in force, and what is kept now."""

    async def read(kept: KeptData) -> DataStanding:
        by = await kept.operator(org)
        return await _standing(kept, by, project)

    _print(with_retention(read, config, data_dir), as_json=as_json)


def set_command(
    mode: Annotated[
        Wanted,
        typer.Argument(metavar="MODE", help="zero, stored-only, default, inherit, or days with --days."),
    ],
    days: Annotated[int, typer.Option(help="For the mode 'days': 1 to 30.")] = 0,
    org: OrgOption = DEFAULT,
    project: ProjectOption = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Ask for another retention; it is in force at once, also for what is kept already if it is stricter."""

    async def change(kept: KeptData) -> DataStanding:
        by = await kept.operator(org)
        setting = _setting(mode, days)
        await change_policy(kept.database, by, await kept.project(by, project), setting, wall_clock())
        return await _standing(kept, by, project)

    _print(with_retention(change, config, data_dir), as_json=as_json)


def _setting(mode: Wanted, days: int) -> RetentionSetting:
    """Raises `InvalidRequest` for days that do not fit."""
    match mode:
        case Wanted.stored_only:
            return RetentionSetting("stored_only", days)
        case Wanted.zero:
            return RetentionSetting("zero", days)
        case Wanted.default:
            return RetentionSetting("default", days)
        case Wanted.inherit:
            return RetentionSetting("inherit", days)
        case Wanted.days:
            return RetentionSetting("days", days)


async def _standing(kept: KeptData, by: AdminCaller, project: str | None) -> DataStanding:
    project_id = await kept.project(by, project)
    return await data_standing(
        kept.database, by.org_id, project_id, ceiling_days=kept.ceiling_days, now=wall_clock()
    )


def _print(standing: DataStanding, *, as_json: bool) -> None:
    if as_json:
        out.out(json.dumps({**asdict(standing), "next_expiry": standing.next_expiry}), highlight=False)
        return
    out.print(f"organization {standing.organization_id} asks for: {_asked(standing.setting)}\n", style="bold")
    table = id_table("project", "name", "asks for", "in force")
    for one in standing.projects:
        table.add_row(one.id, plain(one.name), _asked(one.setting), _in_force(one.policy))
    out.print(table)
    _print_kept(standing)
    for hold in standing.holds:
        out.print(
            f"legal hold {hold.id} on {hold.scope_id} since {moment(hold.created_at)}: {plain(hold.reason)}"
        )
    out.print(f"next expiry (UTC): {moment(standing.next_expiry)}")
    swept = standing.last_sweep
    out.print(f"last sweep (UTC): {moment(swept.finished_at) if swept else 'none yet'}")


def _print_kept(standing: DataStanding) -> None:
    if not standing.kept:
        out.print("\nNothing is kept.")
        return
    table = id_table("project", "class", "kind")
    for name in ("records", "asked to store", "hidden", "bytes"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("oldest (UTC)", "next expiry (UTC)", ""):
        table.add_column(name, no_wrap=True)
    for one in standing.kept:
        counts = (f"{n:,}" for n in (one.records, one.stored, one.hidden, one.bytes))
        moments = (moment(one.oldest), moment(one.next_expiry))
        table.add_row(one.project_id, one.class_id, one.kind, *counts, *moments, "held" if one.held else "")
    out.print("")
    out.print(table)


def _asked(setting: RetentionSetting) -> str:
    return f"{setting.days} days" if setting.mode == "days" else setting.mode.replace("_", " ")


def _in_force(policy: RetentionPolicy) -> str:
    if policy.stored_days == 0:
        return "nothing is kept"
    if policy.days == 0:
        return f"only what is asked to be stored, {policy.stored_days} days"
    return f"{policy.days} days"
