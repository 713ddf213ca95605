"""`sayso retention export`: everything that is kept about an organization, in a file."""

import json
from pathlib import Path
from typing import Annotated

import typer

from sayso.cli.console import out
from sayso.cli.database import OrgOption, ProjectOption
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.cli.private_file import private_file
from sayso.cli.retained import KeptData, with_retention
from sayso.jobs.data_export import export_content
from sayso.tenancy.service import DEFAULT


def export_command(
    file: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to, as JSON lines.")],
    org: OrgOption = DEFAULT,
    project: ProjectOption = None,
    user: Annotated[str | None, typer.Option(help="Only a user's or service account's, by id.")] = None,
    end_user: Annotated[
        str | None, typer.Option(help="Only what was sent for it: safety_identifier, or else user.")
    ] = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Write everything that is kept about an organization into a file, decrypted, a record a line."""

    async def write(kept: KeptData) -> int:
        by = await kept.operator(org)
        tag = None if end_user is None else kept.promise.keys.tag(by.org_id, end_user)
        with private_file(file) as lines:
            return await export_content(
                kept.database,
                kept.promise.keys,
                by,
                lambda line: print(json.dumps(line, ensure_ascii=False), file=lines),
                project_id=await kept.project(by, project),
                owner_id=user,
                end_user=tag,
            )

    records = with_retention(write, config, data_dir)
    if as_json:
        out.out(json.dumps({"file": str(file), "records": records}), highlight=False)
        return
    out.print(f"{records:,} records are in {file}. It is content in the clear: keep it as such.")
