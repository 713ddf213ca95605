"""`sayso corpus`: content for improving the service, of organizations that have opted in."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sayso.cli.console import fail, id_table, out
from sayso.cli.database import OrgOption
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.cli.private_file import overwritten, private_file
from sayso.cli.retained import KeptData, moment, with_retention
from sayso.ids import OrgId
from sayso.jobs.data_corpus import export_corpus
from sayso.jobs.data_decisions import consent
from sayso.retention.clock import wall_clock
from sayso.retention.consent import Consent, opted_in
from sayso.retention.corpus import Permission
from sayso.tenancy.service import DEFAULT

corpus_app = typer.Typer(
    help="Content for improving the service, of organizations that have opted in.", no_args_is_help=True
)


@corpus_app.command("list")
def list_command(
    as_json: JsonOption = False, data_dir: DataDirOption = None, config: ConfigOption = None
) -> None:
    """List the organizations that have opted in."""

    async def read(kept: KeptData) -> list[Consent]:
        async with kept.database.read() as session:
            return await opted_in(session)

    _print(with_retention(read, config, data_dir), as_json=as_json)


@corpus_app.command("opt-in")
def opt_in_command(
    org: OrgOption = DEFAULT,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Let content of an organization be used that is made from now on."""
    _decide(org, config, data_dir, opted_in=True, as_json=as_json)


@corpus_app.command("opt-out")
def opt_out_command(
    org: OrgOption = DEFAULT,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Let no content of an organization be used any more; `prune` takes out what was exported."""
    _decide(org, config, data_dir, opted_in=False, as_json=as_json)


@corpus_app.command("export")
def export_command(
    file: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to, as JSON lines.")],
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Write what may be used into a file, a record a line with where it comes from."""

    async def write(kept: KeptData) -> dict[OrgId, int]:
        with private_file(file) as lines:
            return await export_corpus(
                kept.database,
                kept.promise.keys,
                lambda line: print(json.dumps(line, ensure_ascii=False), file=lines),
            )

    counts = with_retention(write, config, data_dir)
    if as_json:
        out.out(json.dumps({"file": str(file), "organizations": counts}), highlight=False)
        return
    out.print(f"{sum(counts.values()):,} records of {len(counts):,} organizations are in {file}.")
    out.print("It is content in the clear. Run `sayso corpus prune` on it before every use.")


@corpus_app.command("prune")
def prune_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `export` has written.")],
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Take out of an export what may not be used any more: opted out, erased, or under zero retention."""
    if not file.is_file():
        fail(f"there is no file '{file}'")

    async def prune(kept: KeptData) -> tuple[int, int]:
        left = gone = 0
        async with kept.database.read() as session:
            permission = Permission(session, kept.ceiling_days)
            with overwritten(file), private_file(file) as lines, file.open(encoding="utf-8") as old:
                for text in old:
                    if await permission.lasts(json.loads(text)):
                        lines.write(text)
                        left += 1
                    else:
                        gone += 1
        return left, gone

    left, gone = with_retention(prune, config, data_dir)
    if as_json:
        out.out(json.dumps({"file": str(file), "left": left, "removed": gone}), highlight=False)
        return
    out.print(f"{gone:,} records were removed, {left:,} are left in {file}.")


def _decide(org: str, config: Path | None, data_dir: Path | None, *, opted_in: bool, as_json: bool) -> None:
    async def change(kept: KeptData) -> Consent:
        return await consent(kept.database, await kept.operator(org), opted_in, wall_clock())

    _print([with_retention(change, config, data_dir)], as_json=as_json)


def _print(found: list[Consent], *, as_json: bool) -> None:
    if as_json:
        out.out(json.dumps([asdict(one) for one in found]), highlight=False)
        return
    table = id_table("organization", "opted in", "since (UTC)", "by")
    for one in found:
        table.add_row(
            one.organization_id, "yes" if one.opted_in else "no", moment(one.since), one.actor or "-"
        )
    out.print(table if found else "No organization has opted in.")
