"""`sayso retention export`: everything that is kept about an organization, in a file."""

import json
from pathlib import Path
from typing import Annotated

import typer

from sayso.cli.console import out
from sayso.cli.database import OrgOption
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.cli.private_file import private_file
from sayso.cli.retained import KeptData, ProjectOption, with_retention
from sayso.retention.export import export
from sayso.retention.record_line import as_object
from sayso.tenancy.service import DEFAULT


def export_command(
    file: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to, as JSON lines.")],
    org: OrgOption = DEFAULT,
    project: ProjectOption = None,
    user: Annotated[str | None, typer.Option(help="Only a user's or service account's, by id.")] = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Write everything that is kept about an organization into a file, decrypted, a record a line."""

    async def write(kept: KeptData) -> int:
        by = await kept.operator(org)
        project_id = await kept.project(by, project)
        records = 0
        with private_file(file) as lines:
            async for one in export(
                kept.database, kept.promise.keys, by.org_id, project_id=project_id, owner_id=user
            ):
                lines.write(json.dumps(as_object(one), ensure_ascii=False) + "\n")
                records += 1
        return records

    records = with_retention(write, config, data_dir)
    if as_json:
        out.out(json.dumps({"file": str(file), "records": records}), highlight=False)
        return
    out.print(f"{records:,} records are in {file}. It is content in the clear: keep it as such.")
