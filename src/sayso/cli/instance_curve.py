"""`sayso instances curve`: drive an instance at rising concurrency, and show what it does."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from sayso.app.instances import instance_verbs
from sayso.app.names import named_catalogue
from sayso.app.server_file import ServerFile
from sayso.app.tenancy import Tenancy, open_tenancy
from sayso.cli.console import id_table, out, refusals
from sayso.cli.curve_plot import bars, svg
from sayso.cli.database import OrgOption
from sayso.cli.instance_names import Named, named_instance
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.config import Settings, client_settings, load_settings
from sayso.core.chat import ChatRequest, Finished, Message, Sampling, TextDelta
from sayso.dedicated.curve import LEVELS, Answer, Level
from sayso.dedicated.instance import Instance
from sayso.dedicated.measured import remember_curve
from sayso.engines.base import EngineInfo
from sayso.engines.upstream.chat import UpstreamChatEngine
from sayso.engines.upstream.connection import Connection, Endpoint
from sayso.errors import ConfigurationError, InvalidRequest
from sayso.tenancy.api_keys import create_key, revoke_key
from sayso.tenancy.service import DEFAULT, default_project

INSTANCE_HEADER = "x-sayso-instance"
LEAST_ANSWERS = 6
ROUNDS = 2  # answers for each request that runs at once
WORDS = 15  # numbers of ten digits in a prompt


@dataclass(frozen=True, slots=True)
class Drive:
    """Where to send requests for an instance, and how long their answers shall be.

    `first` is the number that this measurement's prompts begin with: none is in a cache from the last one.
    """

    base_url: str
    key: str
    instance: Instance
    tokens: int
    first: int


def curve_command(
    instance: Named,
    tokens: Annotated[int, typer.Option(min=2, help="Tokens of each answer.")] = 64,
    plot: Annotated[Path | None, typer.Option(help="File for the plot, of SVG.")] = None,
    org: OrgOption = DEFAULT,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Measure an instance at 1, 2, 4, 8 and 16 requests at once, as far as its load settings allow."""
    with refusals():
        found, levels = asyncio.run(_curve(instance, tokens, org, config, data_dir))
    file = plot or Path(f"curve-{found.id}.svg")
    file.write_text(svg(levels, f"{found.name}: {found.snapshot}, cores: {found.share.cores}"), "utf-8")
    if as_json:
        out.out(json.dumps([asdict(level) for level in levels]), highlight=False)
        return
    _print(levels)
    out.print(f"Plot: {file}", markup=False)
    if levels[-1].concurrency < LEVELS[-1]:
        out.print(
            f"Its gate lets {found.load.max_concurrency} requests through at once: no more was measured."
        )


async def _curve(
    named: str, tokens: int, org: str, config: Path | None, data_dir: Path | None
) -> tuple[Instance, list[Level]]:
    settings = load_settings(config, data_dir=data_dir)
    tenancy = await open_tenancy(settings)
    async with tenancy.database as db:
        verbs = instance_verbs(db, await named_catalogue(settings, db))
        by = (await default_project(db, org)).operator
        found = (await verbs.get(by.org_id, await named_instance(verbs, by, named))).instance
        if found.state not in ("ready", "updating"):
            raise InvalidRequest(f"The instance is {found.state}: it can not be measured.")
        async with _driving(settings, tenancy, org, found, tokens) as drive:
            levels = [await _level(drive, one) for one in LEVELS if one <= found.load.max_concurrency]
        async with db.transaction() as session:
            await remember_curve(session, found, levels, now=time.time_ns() // 1_000)
    return found, levels


@asynccontextmanager
async def _driving(
    settings: Settings, tenancy: Tenancy, org: str, instance: Instance, tokens: int
) -> AsyncGenerator[Drive, None]:
    """Yield how to reach the instance, with a key of its project that is revoked afterwards."""
    base_url = client_settings().base_url or ServerFile(settings.data_dir).base_url()
    if base_url is None:
        raise ConfigurationError(f"no server runs with the data folder {settings.data_dir}")
    operator = (await default_project(tenancy.database, org)).operator
    name = "load curve (temporary)"
    key = await create_key(tenancy.database, tenancy.pepper, operator, instance.project_id, name)
    try:
        drive = Drive(base_url, key.secret, instance, tokens, 10**9 + secrets.randbelow(8 * 10**9))
        await _check(drive)
        yield drive
    finally:
        await revoke_key(tenancy.database, operator, instance.project_id, key.id)


async def _check(drive: Drive) -> None:
    """Ask once, which also wakes the engine. Raises `InvalidRequest` where something else answers."""
    connection = Connection(Endpoint(drive.base_url, api_key=drive.key))
    body = {
        "model": drive.instance.snapshot,
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 2,
    }
    try:
        headers = await connection.post_headers("/chat/completions", body)
    finally:
        await connection.close()
    if headers.get(INSTANCE_HEADER) != drive.instance.id:
        raise InvalidRequest("Requests of its project are answered by something else than this instance.")


async def _level(drive: Drive, concurrency: int) -> Level:
    connection = Connection(Endpoint(drive.base_url, api_key=drive.key))
    engine = UpstreamChatEngine(connection, drive.instance.snapshot, EngineInfo(""))
    numbers = iter(range(max(LEAST_ANSWERS, ROUNDS * concurrency)))
    answers: list[Answer] = []

    async def client() -> None:
        for number in numbers:
            answer = await _answer(engine, drive.first + concurrency * 1_000 + number, drive.tokens)
            answers.append(answer)

    begun = time.perf_counter()
    try:
        await asyncio.gather(*(client() for _ in range(concurrency)))
    finally:
        await connection.close()
    return Level.of(concurrency, answers, time.perf_counter() - begun)


async def _answer(engine: UpstreamChatEngine, number: int, tokens: int) -> Answer:
    """Ask for a text that nobody has begun to read before, and that is as long as it may be."""
    words = " ".join(str(number + word * 7) for word in range(WORDS))
    text = f"{words}\nWrite a very long story about a lighthouse, in many chapters."
    request = ChatRequest("", (Message("user", text),), Sampling(0.0), tokens)
    begun = time.perf_counter()
    first = last = begun
    written = 0
    async with aclosing(engine.chat(request)) as events:
        async for event in events:
            if isinstance(event, TextDelta) and event.text:
                last = time.perf_counter()
                first = last if first == begun else first
            elif isinstance(event, Finished):
                written = event.usage.completion_tokens
    return Answer(first - begun, last - first, written)


def _print(levels: list[Level]) -> None:
    table = id_table(
        "at once", "tokens/s", "first token p50", "p95", "each token p50", "p95", "request p50", "p95"
    )
    for level in levels:
        table.add_row(
            str(level.concurrency),
            f"{level.tokens_per_second:.1f}",
            *(f"{1_000 * seconds:.0f} ms" for seconds in (level.first_p50, level.first_p95)),
            *(f"{1_000 * seconds:.1f} ms" for seconds in (level.token_p50, level.token_p95)),
            *(f"{seconds:.2f} s" for seconds in (level.request_p50, level.request_p95)),
        )
    out.print(table)
    out.print(bars(levels), markup=False)
