"""`sayso instances curve`: drive an instance at rising concurrency, and show what it does."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from sayso.app.instances import instance_verbs
from sayso.app.names import named_catalogue
from sayso.app.server_file import ServerFile
from sayso.app.tenancy import Tenancy, open_tenancy
from sayso.cli.client import ServerAddress
from sayso.cli.console import err, id_table, out, plain, refusals
from sayso.cli.curve_drive import ChatDrive, SpeechDrive, own_recording
from sayso.cli.curve_plot import bars, svg
from sayso.cli.database import OrgOption
from sayso.cli.instance_names import Named, named_instance
from sayso.cli.open_gate import open_gate
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.cli.uploads import read_recording
from sayso.config import Settings, client_settings, load_settings
from sayso.dedicated.curve import LEVELS, TURNS, AnyLevel, SpeechLevel, middle
from sayso.dedicated.instance import Instance
from sayso.dedicated.measured import remember_curve
from sayso.errors import ConfigurationError, EngineOverloaded, InvalidRequest
from sayso.tenancy.api_keys import create_key, revoke_key
from sayso.tenancy.service import DEFAULT, default_project


@dataclass(frozen=True, slots=True)
class Requests:
    """What to send: texts of so many tokens are asked for, or a recording is sent."""

    tokens: int
    audio: Path | None


@dataclass(frozen=True, slots=True)
class Measured:
    """What an instance did at each level, and why the levels that are left out are."""

    instance: Instance
    levels: list[AnyLevel] = field(default_factory=list)
    left_out: dict[int, str] = field(default_factory=dict)


def curve_command(
    instance: Named,
    tokens: Annotated[int, typer.Option(min=2, help="Tokens of each answer.")] = 64,
    audio: Annotated[Path | None, typer.Option(help="Recording for an instance of speech.")] = None,
    plot: Annotated[Path | None, typer.Option(help="File for the plot, of SVG.")] = None,
    org: OrgOption = DEFAULT,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Measure an instance at 1, 2, 4, 8 and 16 requests at once, with its gate open so far."""
    with refusals():
        measured = asyncio.run(_curve(instance, Requests(tokens, audio), org, config, data_dir))
    found, levels = measured.instance, measured.levels
    for level, reason in measured.left_out.items():
        err.print(f"{level} at once was not measured: {plain(reason)}")
    file = plot or Path(f"curve-{found.id}.svg")
    file.write_text(svg(levels, f"{found.name}: {found.snapshot}, cores: {found.share.cores}"), "utf-8")
    if as_json:
        out.out(json.dumps([asdict(level) for level in levels]), highlight=False)
        return
    out.print(_table(levels))
    out.print(bars(levels), markup=False)
    out.print(f"Plot: {file}", markup=False)


async def _curve(
    named: str, requests: Requests, org: str, config: Path | None, data_dir: Path | None
) -> Measured:
    settings = load_settings(config, data_dir=data_dir)
    tenancy = await open_tenancy(settings)
    async with tenancy.database as db:
        catalogue = await named_catalogue(settings, db)
        verbs = instance_verbs(db, catalogue)
        by = (await default_project(db, org)).operator
        found = (await verbs.get(by.org_id, await named_instance(verbs, by, named))).instance
        if found.state not in ("ready", "updating"):
            raise InvalidRequest(f"The instance is {found.state}: it can not be measured.")
        speech = catalogue.resolve(found.snapshot).kind == "speech"
        async with _reached(settings, tenancy, org, found) as server:
            drive = _drive(server, found, requests, speech=speech)
            await drive.check()
            async with open_gate(db, found, LEVELS[-1]) as opened:
                measured = await _levels(drive, found, opened)
        async with db.transaction() as session:
            await remember_curve(session, found, measured.levels, now=time.time_ns() // 1_000)
    return measured


async def _levels(drive: ChatDrive | SpeechDrive, instance: Instance, opened: int) -> Measured:
    """Measure what the gate lets through. Raises `InvalidRequest` where nothing could be measured.

    All levels in turns, for a slow minute of the machine would make a dent in the curve; of each level the
    turn counts that was neither the fastest nor the slowest.
    """
    measured = Measured(instance)
    found: dict[int, list[AnyLevel]] = {level: [] for level in LEVELS if level <= opened}
    for level in LEVELS:
        if level not in found:
            reason = f"its gate lets {opened} requests through, and no server opened it further."
            measured.left_out[level] = reason
    for turn in range(TURNS):
        for level in tuple(found):
            try:
                found[level].append(await drive.level(level, turn))
            except EngineOverloaded:
                measured.left_out[level] = "requests of others had its places; try again when it is idle."
                del found[level]
    measured.levels.extend(middle(turns) for turns in found.values())
    if not measured.levels:
        raise InvalidRequest("Requests of others have all of its places: try again when it is idle.")
    return measured


def _drive(
    server: ServerAddress, instance: Instance, requests: Requests, *, speech: bool
) -> ChatDrive | SpeechDrive:
    if speech:
        recording = read_recording(requests.audio) if requests.audio else own_recording()
        return SpeechDrive(server, instance, recording)
    return ChatDrive(server, instance, requests.tokens, 10**9 + secrets.randbelow(8 * 10**9))


@asynccontextmanager
async def _reached(
    settings: Settings, tenancy: Tenancy, org: str, instance: Instance
) -> AsyncGenerator[ServerAddress, None]:
    """Yield how to reach the instance, with a key of its project that is revoked afterwards."""
    base_url = client_settings().base_url or ServerFile(settings.data_dir).base_url()
    if base_url is None:
        raise ConfigurationError(f"no server runs with the data folder {settings.data_dir}")
    operator = (await default_project(tenancy.database, org)).operator
    name = "load curve (temporary)"
    key = await create_key(tenancy.database, tenancy.pepper, operator, instance.project_id, name)
    try:
        yield ServerAddress(base_url, key.secret)
    finally:
        await revoke_key(tenancy.database, operator, instance.project_id, key.id)


def _table(levels: Sequence[AnyLevel]) -> Table:
    if isinstance(levels[0], SpeechLevel):
        table = id_table("at once", "s of audio/s", "request p50", "p95")
    else:
        table = id_table(
            "at once", "tokens/s", "first token p50", "p95", "each token p50", "p95", "request p50", "p95"
        )
    for level in levels:
        table.add_row(str(level.concurrency), f"{level.throughput:.1f}", *_times(level))
    return table


def _times(level: AnyLevel) -> tuple[str, ...]:
    requests = tuple(f"{seconds:.2f} s" for seconds in (level.request_p50, level.request_p95))
    if isinstance(level, SpeechLevel):
        return requests
    return (
        *(f"{1_000 * seconds:.0f} ms" for seconds in (level.first_p50, level.first_p95)),
        *(f"{1_000 * seconds:.1f} ms" for seconds in (level.token_p50, level.token_p95)),
        *requests,
    )
