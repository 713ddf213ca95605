"""`sayso instances`: make, look at, change and end dedicated instances."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar, cast

import typer

from sayso.app.instances import instance_verbs
from sayso.app.names import named_catalogue
from sayso.cli.console import id_table, out, plain
from sayso.cli.database import OrgOption, ProjectOption, chosen_project, with_database
from sayso.cli.instance_curve import curve_command
from sayso.cli.instance_names import Named, named_instance
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.config import Settings
from sayso.core.caller import AdminCaller
from sayso.db.session import Database
from sayso.dedicated.capacity import machines
from sayso.dedicated.configuration import Share
from sayso.dedicated.instance import Instance
from sayso.dedicated.load import DEFAULT_LOAD, LoadChanges, Overflow, Preset
from sayso.dedicated.service import Instances
from sayso.dedicated.shapes import capacity_shape, event_shape, instance_shape, segment_shape
from sayso.dedicated.tokens import Token
from sayso.dedicated.utilization import summed
from sayso.dedicated.wishes import DRAIN_SECONDS, Changes, NewInstance
from sayso.ids import InstanceId, ProjectId
from sayso.jobs.directory import named_scope
from sayso.tenancy.service import DEFAULT, default_project

T = TypeVar("T")

instances_app = typer.Typer(help="Make, show, change and end dedicated instances.", no_args_is_help=True)

Concurrency = Annotated[int | None, typer.Option(min=1, help="Requests that run at once.")]
BatchTokens = Annotated[int | None, typer.Option(min=1, help="Tokens that one step works on.")]
QueueDepth = Annotated[int | None, typer.Option(min=0, help="Requests that wait beyond those.")]
MaxWait = Annotated[int | None, typer.Option("--max-wait-ms", min=0, help="How long one waits at most.")]
OverflowOption = Annotated[
    str | None, typer.Option("--overflow", help="What becomes of the rest: reject, queue or spill.")
]
PresetOption = Annotated[
    str | None, typer.Option("--preset", help="Load to begin with: latency, balanced or throughput.")
]
TokenOption = Annotated[
    str | None, typer.Option("--idempotency-key", help="Given twice, a command is carried out once.")
]
Drain = Annotated[int, typer.Option("--drain-seconds", min=0, help="How long what runs may go on.")]


@instances_app.command("create")
def create_command(
    name: Annotated[str, typer.Argument(help="Its name, unique in its project.")],
    model: Annotated[str, typer.Option("--model", "-m", help="Snapshot, or an alias, followed once.")],
    cores: Annotated[int, typer.Option(min=0, help="Cores of its own.")] = 1,
    memory_mib: Annotated[int, typer.Option("--memory-mib", min=1, help="Memory of its own, in MiB.")] = 2048,
    gpus: Annotated[int, typer.Option(min=0, help="GPUs of its own.")] = 0,
    vram_mib: Annotated[int, typer.Option("--vram-mib", min=0, help="Memory of these GPUs, in MiB.")] = 0,
    context_length: Annotated[int, typer.Option(min=0, help="In tokens; 0: the model's own.")] = 0,
    term_months: Annotated[int, typer.Option(min=0, help="Reserve it for so long; 0: on demand.")] = 0,
    preset: PresetOption = None,
    max_concurrency: Concurrency = None,
    max_batch_tokens: BatchTokens = None,
    queue_depth: QueueDepth = None,
    max_wait: MaxWait = None,
    overflow: OverflowOption = None,
    key: TokenOption = None,
    project: ProjectOption = None,
    org: OrgOption = DEFAULT,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Make an instance; the server of the machine starts it at once."""
    named = _load(preset, max_concurrency, max_batch_tokens, queue_depth, max_wait, overflow)

    async def create(verbs: Instances, by: AdminCaller, db: Database) -> dict[str, Any]:
        load = named.over(DEFAULT_LOAD)
        _, project_id = await chosen_project(db, org, project)
        share = Share(cores, memory_mib, gpus, vram_mib)
        wanted = NewInstance(project_id, name, model, share, load, context_length, term_months)
        return instance_shape(await verbs.create(by, wanted, _token(key, "create", wanted)))

    _show(_run(create, org, config, data_dir), as_json=as_json)


@instances_app.command("list")
def list_command(
    every: Annotated[bool, typer.Option("--all", help="Terminated ones too.")] = False,
    project: ProjectOption = None,
    org: OrgOption = DEFAULT,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """List the instances of an organization, or of one project."""

    async def read(verbs: Instances, by: AdminCaller, db: Database) -> list[dict[str, Any]]:
        scope = await named_scope(db, by.org_id, project, None) if project else None
        found = await verbs.list(by.org_id, ProjectId(scope.id) if scope else None, gone=every)
        return [instance_shape(kept.instance) for kept in found]

    found = _run(read, org, config, data_dir)
    if as_json:
        out.out(json.dumps(found), highlight=False)
        return
    table = id_table("id", "name", "status", "snapshot", "cores", "MiB", "$/h", "plan")
    for one in found:
        numbers = (str(one["cores"]), str(one["memory_mib"]), one["price"]["usd_per_hour"])
        table.add_row(
            one["id"],
            plain(one["name"]),
            one["status"],
            plain(one["snapshot"]),
            *numbers,
            one["plan"]["type"],
        )
    out.print(table)


@instances_app.command("show")
def show_command(
    instance: Named,
    org: OrgOption = DEFAULT,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Show an instance, and how busy it was in the last hour and day."""

    async def work(verbs: Instances, by: AdminCaller, _: Database) -> dict[str, Any]:
        found = await named_instance(verbs, by, instance)
        shown = instance_shape((await verbs.get(by.org_id, found)).instance)
        day = await verbs.utilization(by.org_id, found, 24)
        return {**shown, "utilization": summed(day, verbs.clock.second)}

    _show(_run(work, org, config, data_dir), as_json=as_json)


@instances_app.command("update")
def update_command(
    instance: Named,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Another snapshot, or an alias.")] = None,
    cores: Annotated[int | None, typer.Option(min=0, help="Cores of its own.")] = None,
    memory_mib: Annotated[int | None, typer.Option("--memory-mib", min=1, help="Memory, in MiB.")] = None,
    gpus: Annotated[int | None, typer.Option(min=0, help="GPUs of its own.")] = None,
    vram_mib: Annotated[int | None, typer.Option("--vram-mib", min=0, help="Their memory, in MiB.")] = None,
    context_length: Annotated[int | None, typer.Option(min=0, help="In tokens.")] = None,
    preset: PresetOption = None,
    max_concurrency: Concurrency = None,
    max_batch_tokens: BatchTokens = None,
    queue_depth: QueueDepth = None,
    max_wait: MaxWait = None,
    overflow: OverflowOption = None,
    key: TokenOption = None,
    org: OrgOption = DEFAULT,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Change an instance; what is not named stays."""
    load = _load(preset, max_concurrency, max_batch_tokens, queue_depth, max_wait, overflow)
    changes = Changes(model, cores, memory_mib, gpus, vram_mib, context_length, load)

    def change(verbs: Instances, by: AdminCaller, found: InstanceId) -> Awaitable[Instance]:
        return verbs.update(by, found, changes, _token(key, "update", found, changes))

    _act(instance, change, org, config, data_dir, as_json=as_json)


@instances_app.command("start")
def start_command(
    instance: Named,
    key: TokenOption = None,
    org: OrgOption = DEFAULT,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Start an instance that is stopped or has failed."""

    def change(verbs: Instances, by: AdminCaller, found: InstanceId) -> Awaitable[Instance]:
        return verbs.start(by, found, _token(key, "start", found))

    _act(instance, change, org, config, data_dir, as_json=as_json)


@instances_app.command("stop")
def stop_command(
    instance: Named,
    key: TokenOption = None,
    org: OrgOption = DEFAULT,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Stop an instance at once."""

    def change(verbs: Instances, by: AdminCaller, found: InstanceId) -> Awaitable[Instance]:
        return verbs.stop(by, found, 0, _token(key, "stop", found))

    _act(instance, change, org, config, data_dir, as_json=as_json)


@instances_app.command("drain")
def drain_command(
    instance: Named,
    drain_seconds: Drain = DRAIN_SECONDS,
    key: TokenOption = None,
    org: OrgOption = DEFAULT,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Stop an instance once what runs on it has ended."""

    def change(verbs: Instances, by: AdminCaller, found: InstanceId) -> Awaitable[Instance]:
        return verbs.stop(by, found, drain_seconds, _token(key, "drain", found, drain_seconds))

    _act(instance, change, org, config, data_dir, as_json=as_json)


@instances_app.command("delete")
def delete_command(
    instance: Named,
    drain_seconds: Drain = DRAIN_SECONDS,
    key: TokenOption = None,
    org: OrgOption = DEFAULT,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Delete an instance once what runs on it has ended."""

    def change(verbs: Instances, by: AdminCaller, found: InstanceId) -> Awaitable[Instance]:
        return verbs.delete(by, found, drain_seconds, _token(key, "delete", found, drain_seconds))

    _act(instance, change, org, config, data_dir, as_json=as_json)


@instances_app.command("events")
def events_command(
    instance: Named,
    org: OrgOption = DEFAULT,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Show all that has happened to an instance."""

    async def read(verbs: Instances, by: AdminCaller, _: Database) -> list[dict[str, Any]]:
        kept = await verbs.get(by.org_id, await named_instance(verbs, by, instance))
        return [event_shape(event) for event in kept.events]

    _rows(_run(read, org, config, data_dir), ("seq", "at", "type", "actor", "cause"), as_json=as_json)


@instances_app.command("segments")
def segments_command(
    instance: Named,
    org: OrgOption = DEFAULT,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Show the seconds of an instance that are paid for."""

    async def read(verbs: Instances, by: AdminCaller, _: Database) -> list[dict[str, Any]]:
        kept = await verbs.get(by.org_id, await named_instance(verbs, by, instance))
        return [segment_shape(one) for one in verbs.segments(kept)]

    columns = ("start", "end", "seconds", "config_version", "usd_per_hour", "amount", "final")
    _rows(_run(read, org, config, data_dir), columns, as_json=as_json)


@instances_app.command("capacity")
def capacity_command(
    as_json: JsonOption = False, data_dir: DataDirOption = None, config: ConfigOption = None
) -> None:
    """Show what machines have for instances, what is held of it and what is free."""

    async def read(db: Database, _: Settings) -> list[dict[str, Any]]:
        async with db.read() as session:
            return [capacity_shape(one) for one in await machines(session)]

    found = with_database(read, config, data_dir)
    if as_json:
        out.out(json.dumps(found), highlight=False)
        return
    table = id_table("machine", "", "cores", "MiB", "GPUs", "MiB of GPUs")
    for one in found:
        for part in ("total", "shared_pool", "held", "free"):
            table.add_row(plain(one["id"]), part.replace("_", " "), *map(str, one[part].values()))
    out.print(table)


instances_app.command("curve")(curve_command)

Act = Callable[[Instances, AdminCaller, InstanceId], Awaitable[Instance]]
Work = Callable[[Instances, AdminCaller, Database], Awaitable[T]]


def _act(named: str, act: Act, org: str, config: Any, data_dir: Any, *, as_json: bool) -> None:
    """Do something to, or with, an instance, and show how it stands then."""

    async def work(verbs: Instances, by: AdminCaller, _: Database) -> dict[str, Any]:
        return instance_shape(await act(verbs, by, await named_instance(verbs, by, named)))

    _show(_run(work, org, config, data_dir), as_json=as_json)


def _run(work: "Work[T]", org: str, config: Any, data_dir: Any) -> T:
    async def run(db: Database, settings: Settings) -> T:
        catalogue = await named_catalogue(settings, db)
        return await work(instance_verbs(db, catalogue), (await default_project(db, org)).operator, db)

    return with_database(run, config, data_dir)


def _token(key: str | None, *command: object) -> Token | None:
    return Token(key, " ".join(map(repr, command))) if key else None


def _load(
    preset: str | None,
    max_concurrency: int | None,
    max_batch_tokens: int | None,
    queue_depth: int | None,
    max_wait_ms: int | None,
    overflow: str | None,
) -> LoadChanges:
    """Return what is named; a word that is none is refused with the rest."""
    return LoadChanges(
        cast("Preset | None", preset),
        max_concurrency,
        max_batch_tokens,
        queue_depth,
        max_wait_ms,
        cast("Overflow | None", overflow),
    )


def _rows(found: list[dict[str, Any]], columns: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        out.out(json.dumps(found), highlight=False)
        return
    table = id_table(*(name.replace("_", " ") for name in columns))
    for one in found:
        table.add_row(*(plain(str(one[name])) for name in columns))
    out.print(table)


def _show(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        out.out(json.dumps(found), highlight=False)
        return
    load, price = found["load"], found["price"]
    out.print(f"{found['name']} ({found['id']})", style="bold", markup=False)
    lines = {
        "status": found["status"] + (f": {found['failure']}" if found["failure"] else ""),
        "runs": f"{found['snapshot']}, {found['context_length'] or 'its own'} tokens of context",
        "has": f"{found['cores']} cores, {found['memory_mib']} MiB, {found['gpus']} GPUs of {found['node']}",
        "load": ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in load.items()),
        "price": f"${price['usd_per_hour']} per hour (prices: {price['price_version']})",
        "plan": " ".join(str(value) for value in found["plan"].values()),
    }
    if used := found.get("utilization"):
        lines["in use"] = ", ".join(f"{name.replace('_', ' ')} {share:.1%}" for name, share in used.items())
    for name, text in lines.items():
        out.print(f"  {name:8}{text}", markup=False)
