"""`sayso limits`: how much an organization, a project or a key may use, and what it may cost."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

import typer

from sayso.app.names import named_catalogue
from sayso.billing.budgets import BudgetInterval, BudgetStanding, budgets
from sayso.billing.ledger import wall_clock
from sayso.billing.money import NANO_PER_CENT, format_usd, parse_usd
from sayso.billing.rate_limits import ALL_MODELS, LimitKey, ModelLimits, scope_limits
from sayso.billing.scopes import Scope
from sayso.cli.console import fail, id_table, out, plain
from sayso.cli.database import OrgOption, ProjectOption, with_database
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.config import Settings
from sayso.core.caller import AdminCaller
from sayso.db.session import Database
from sayso.errors import InvalidRequest
from sayso.jobs.directory import named_scope
from sayso.jobs.limits import change_budget, change_limits, drop_budget
from sayso.tenancy.service import DEFAULT, default_project

EVERY_MODEL = "*"  # all models together


class LimitName(StrEnum):
    """What can be limited."""

    requests_per_minute = "requests-per-minute"
    tokens_per_minute = "tokens-per-minute"
    audio_seconds_per_minute = "audio-seconds-per-minute"
    requests_per_day = "requests-per-day"
    daily_budget = "daily-budget"
    monthly_budget = "monthly-budget"


RATES: Mapping[LimitName, LimitKey] = {
    LimitName.requests_per_minute: LimitKey("requests", "minute"),
    LimitName.tokens_per_minute: LimitKey("tokens", "minute"),
    LimitName.audio_seconds_per_minute: LimitKey("audio_seconds", "minute"),
    LimitName.requests_per_day: LimitKey("requests", "day"),
}
BUDGETS: Mapping[LimitName, BudgetInterval] = {
    LimitName.daily_budget: "day",
    LimitName.monthly_budget: "month",
}

Count = Annotated[int | None, typer.Option(min=0, help="At most so many; by the clock's minute or UTC day.")]
Dollars = Annotated[
    str | None, typer.Option(metavar="USD", help="At most so many dollars in a UTC day or month.")
]
KeyOption = Annotated[str | None, typer.Option("--key", metavar="KEY", help="A key, by id.")]
LimitedModel = Annotated[
    str | None, typer.Option("--model", "-m", help="A project's limits for one model, by alias or snapshot.")
]

limits_app = typer.Typer(help="Show, set and remove rate limits and budgets.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class Standing:
    """The limits of a scope."""

    scope: Scope
    models: tuple[ModelLimits, ...]
    budgets: tuple[BudgetStanding, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be set, or removed where it is None; budgets in cents."""

    rates: Mapping[LimitKey, int | None] = field(default_factory=dict)
    budgets: Mapping[BudgetInterval, int | None] = field(default_factory=dict)


@limits_app.command("show")
def show_command(
    org: OrgOption = DEFAULT,
    project: ProjectOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Show the limits of an organization, a project or a key."""

    async def read(db: Database, _: Settings) -> Standing:
        by = (await default_project(db, org)).operator
        return await _standing(db, await named_scope(db, by.org_id, project, key))

    _print(with_database(read, config, data_dir), as_json=as_json)


@limits_app.command("set")
def set_command(
    org: OrgOption = DEFAULT,
    project: ProjectOption = None,
    key: KeyOption = None,
    model: LimitedModel = None,
    requests_per_minute: Count = None,
    tokens_per_minute: Count = None,
    audio_seconds_per_minute: Count = None,
    requests_per_day: Count = None,
    daily_budget: Dollars = None,
    monthly_budget: Dollars = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Set limits; those that are not named stay. They hold from the next request on."""
    rates = {
        LimitName.requests_per_minute: requests_per_minute,
        LimitName.tokens_per_minute: tokens_per_minute,
        LimitName.audio_seconds_per_minute: audio_seconds_per_minute,
        LimitName.requests_per_day: requests_per_day,
    }
    amounts = {LimitName.daily_budget: daily_budget, LimitName.monthly_budget: monthly_budget}

    async def change(db: Database, settings: Settings) -> Standing:
        wanted = Changes(
            {RATES[name]: value for name, value in rates.items() if value is not None},
            {BUDGETS[name]: _cents(text) for name, text in amounts.items() if text is not None},
        )
        return await _apply(db, settings, wanted, model, org, project, key)

    if all(value is None for value in (*rates.values(), *amounts.values())):
        fail("name a limit to set, such as --requests-per-minute 60 or --daily-budget 5")
    _print(with_database(change, config, data_dir), as_json=as_json)


@limits_app.command("remove")
def remove_command(
    names: Annotated[list[LimitName], typer.Argument(metavar="NAME...", help=", ".join(LimitName))],
    org: OrgOption = DEFAULT,
    project: ProjectOption = None,
    key: KeyOption = None,
    model: LimitedModel = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Remove limits, such as `requests-per-minute` and `daily-budget`."""
    changes = Changes(
        {RATES[name]: None for name in names if name in RATES},
        {BUDGETS[name]: None for name in names if name in BUDGETS},
    )

    async def change(db: Database, settings: Settings) -> Standing:
        return await _apply(db, settings, changes, model, org, project, key)

    _print(with_database(change, config, data_dir), as_json=as_json)


async def _apply(
    db: Database,
    settings: Settings,
    changes: Changes,
    model: str | None,
    org: str,
    project: str | None,
    key: str | None,
) -> Standing:
    """Change everything that is asked for. Raises `InvalidRequest`, `ObjectNotFound` and `ModelNotFound`."""
    by = (await default_project(db, org)).operator
    scope = await named_scope(db, by.org_id, project, key)
    if model is not None and (scope.kind != "project" or changes.budgets):
        raise InvalidRequest("Only a project has limits for single models, and no budgets for them.")
    if changes.rates:
        snapshot = ALL_MODELS
        if model is not None:
            snapshot = (await named_catalogue(settings, db)).resolve(model, scope.id).id
        asked = {f"{at.meter}_per_{at.period}": value for at, value in changes.rates.items()}
        limit_id = f"rl-{model or EVERY_MODEL}"
        await change_limits(db, by, scope, snapshot, changes.rates, asked=asked, limit_id=limit_id)
    for interval, cents in changes.budgets.items():
        await _budget(db, by, scope, interval, cents)
    return await _standing(db, scope)


async def _budget(
    db: Database, by: AdminCaller, scope: Scope, interval: BudgetInterval, cents: int | None
) -> None:
    if cents is None:
        await drop_budget(db, by, scope, interval)
    else:
        await change_budget(db, by, scope, interval, cents)


async def _standing(db: Database, scope: Scope) -> Standing:
    async with db.read() as session:
        found = await scope_limits(session, scope)
        standing = await budgets(session, scope, wall_clock())
    return Standing(scope, tuple(found[model] for model in sorted(found)), tuple(standing))


def _cents(text: str) -> int:
    """Read dollars. Raises `InvalidRequest` for less than a cent and for parts of one."""
    cents, rest = divmod(parse_usd(text.removeprefix("$")), NANO_PER_CENT)
    if rest or cents < 1:
        raise InvalidRequest("A budget is a cent or more, in whole cents, such as 12.50.")
    return cents


def _print(standing: Standing, *, as_json: bool) -> None:
    if as_json:
        out.out(json.dumps(_as_dict(standing)), highlight=False)
        return
    kind = standing.scope.kind
    out.print(f"{kind} {standing.scope.id}\n", style="bold")
    if not standing.models and not standing.budgets:
        out.print("No limits are set.")
    if standing.models:
        table = id_table("model", *(name.value.replace("-", " ") for name in RATES))
        for limits in standing.models:
            table.add_row(plain(limits.model or "all together"), *_cells(limits))
        out.print(table)
    for one in standing.budgets:
        used = format_usd(one.posted + one.held)
        out.print(f"{one.interval}: ${used} of ${format_usd(one.nano_usd)} are spent or held")


def _cells(limits: ModelLimits) -> Sequence[str]:
    found = (limits.values.get(at) for at in RATES.values())
    return ["-" if value is None else f"{value:,}" for value in found]


def _as_dict(standing: Standing) -> dict[str, object]:
    return {
        "scope": {"kind": standing.scope.kind, "id": standing.scope.id},
        "limits": [
            {
                "model": limits.model or EVERY_MODEL,
                **{name.value.replace("-", "_"): limits.values.get(at) for name, at in RATES.items()},
            }
            for limits in standing.models
        ],
        "budgets": [
            {
                "interval": one.interval,
                "usd": format_usd(one.nano_usd),
                "spent_usd": format_usd(one.posted),
                "held_usd": format_usd(one.held),
            }
            for one in standing.budgets
        ],
    }
