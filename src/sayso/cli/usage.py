"""`sayso usage`: what was used lately, as a table with bars."""

import json
import time
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer
from rich.bar import Bar
from rich.table import Table

from sayso.billing.money import format_usd
from sayso.billing.usage_summary import DAY, UsageSum, usage_sums
from sayso.cli.console import out
from sayso.cli.database import OrgOption, with_database
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.config import Settings
from sayso.db.session import Database
from sayso.ids import OrgId
from sayso.jobs.directory import key_names, party
from sayso.tenancy.service import DEFAULT

BAR_WIDTH = 24  # characters


class Grouping(StrEnum):
    """What a row of the table stands for."""

    model = "model"
    project = "project"
    key = "key"
    day = "day"


def usage_command(
    days: Annotated[int, typer.Option(min=1, max=3_660, help="UTC days, today included.")] = 30,
    by: Annotated[Grouping, typer.Option(help="What a row stands for.")] = Grouping.model,
    org: OrgOption = DEFAULT,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Show what an organization used and what it cost."""
    today = int(time.time()) // DAY * DAY
    start, end = today - (days - 1) * DAY, today + DAY

    async def read(db: Database, _: Settings) -> tuple[tuple[UsageSum, ...], dict[str, str]]:
        buyer = await party(db, org)
        names: dict[str, str] = {}
        match by:
            case Grouping.project:
                names = dict(buyer.projects)
            case Grouping.key:
                names = await key_names(db, OrgId(buyer.id))
            case Grouping.model | Grouping.day:
                pass
        return await usage_sums(db, OrgId(buyer.id), start, end, by.value), names

    sums, names = with_database(read, config, data_dir)
    if as_json:
        rows = [asdict(one) | {"name": names.get(one.label), "usd": format_usd(one.nano_usd)} for one in sums]
        out.out(json.dumps({"start": start, "end": end, "by": by.value, "rows": rows}), highlight=False)
        return
    if not any(one.used for one in sums):
        out.print(f"Nothing was used in the last {days} days.")
        return
    out.print(_table(by.value, sums, names))


def _table(first: str, sums: tuple[UsageSum, ...], names: dict[str, str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", show_footer=True, footer_style="bold")
    table.add_column(first, "total", no_wrap=True)
    timed = sum(one.instance_seconds for one in sums)
    for name, total in (
        ("requests", f"{sum(one.requests for one in sums):,}"),
        ("prompt tokens", f"{sum(one.prompt_tokens for one in sums):,}"),
        ("completion tokens", f"{sum(one.completion_tokens for one in sums):,}"),
        ("audio seconds", f"{sum(one.audio_seconds for one in sums):,}"),
        *((("instance seconds", f"{timed:,}"),) if timed else ()),
        ("cost", f"${format_usd(sum(one.nano_usd for one in sums))}"),
    ):
        table.add_column(name, total, justify="right", no_wrap=True)
    by_cost = any(one.nano_usd for one in sums)
    table.add_column(f"share of {'cost' if by_cost else 'requests'}", width=BAR_WIDTH)
    weights = [one.nano_usd if by_cost else one.requests for one in sums]
    largest = max(weights) or 1
    for one, weight in zip(sums, weights, strict=True):
        table.add_row(
            names.get(one.label, one.label).replace("[", r"\["),
            f"{one.requests:,}",
            f"{one.prompt_tokens:,}",
            f"{one.completion_tokens:,}",
            f"{one.audio_seconds:,}",
            *((f"{one.instance_seconds:,}",) if timed else ()),
            f"${format_usd(one.nano_usd)}",
            Bar(largest, 0, weight, width=BAR_WIDTH),
        )
    return table
