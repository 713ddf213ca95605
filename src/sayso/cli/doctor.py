"""`sayso doctor`: whether this machine is fit, and whether the server answers."""

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import aiohttp

from sayso.app.names import catalogue_in_force
from sayso.app.planning import plan
from sayso.app.server_file import ServerFile
from sayso.app.tenancy import open_tenancy
from sayso.catalog.materialize import materialize, pin
from sayso.catalog.snapshot import UpstreamSource
from sayso.catalog.storage import verify
from sayso.cli.console import fail, out
from sayso.cli.content_checks import content_findings
from sayso.cli.finding import Finding, attempt, needed
from sayso.cli.options import ConfigOption, DataDirOption
from sayso.cli.retention_checks import retention_findings
from sayso.config import SCRIPTED, Settings, load_settings
from sayso.db.sqlite import driver
from sayso.errors import ConfigurationError

NEEDED_BYTES = 1 << 30  # weights joined, graphs compiled, some room
ENGINES = ("openvino-genai", "ctranslate2", "faster-whisper", "av")


MARKS = {"ok": "[green]ok[/green]  ", "look": "[yellow]look[/yellow]", "bad": "[red]bad[/red] "}


def doctor_command(data_dir: DataDirOption = None, config: ConfigOption = None) -> None:
    """Check the machine, the settings, the models, the database and the running server."""
    try:
        settings = load_settings(config, data_dir=data_dir)
    except ConfigurationError as error:
        fail(error.message)
    bad = 0
    for finding in _findings(settings):
        bad += finding.verdict == "bad"
        out.print(f"{MARKS[finding.verdict]} {finding.name}: ", end="")
        out.print(finding.detail, markup=False)
    if bad:
        fail(f"{bad} of the checks failed")


def _findings(settings: Settings) -> Iterator[Finding]:
    yield needed("python", sys.version_info >= (3, 11), sys.version.split()[0])
    yield needed("sqlite", True, driver().module.sqlite_version)
    yield _memory()
    yield _disk(settings.data_dir)
    yield from (_package(name) for name in ENGINES)
    yield attempt("database", lambda: asyncio.run(_database(settings)))
    server_runs = ServerFile(settings.data_dir).base_url() is not None
    yield from asyncio.run(retention_findings(settings, server_runs=server_runs))
    brought = bool(settings.retention_key or settings.retention_key_file)
    yield from content_findings(settings.retention_keys_dir, key_from_outside=brought)
    yield attempt("models", lambda: asyncio.run(_models(settings)))
    yield attempt("server", lambda: asyncio.run(_server(settings)))


def _memory() -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return needed("memory", total >= 2 << 30, f"{total / (1 << 30):.1f} GiB, 2 GiB needed")


def _disk(folder: Path) -> Finding:
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    return needed("disk", free >= NEEDED_BYTES, f"{free / (1 << 30):.1f} GiB free in {existing}")


def _package(name: str) -> Finding:
    try:
        return needed(name, True, version(name))
    except PackageNotFoundError:
        return needed(name, False, "not installed: make setup")


async def _database(settings: Settings) -> str:
    tenancy = await open_tenancy(settings)
    async with tenancy.database:
        return "up to date"


async def _models(settings: Settings) -> str:
    models_dir = settings.data_dir / "models"
    catalogue = await catalogue_in_force(settings)
    snapshots = plan(settings, catalogue)
    for snapshot in snapshots:
        if not isinstance(snapshot.source, UpstreamSource) and snapshot.engine not in SCRIPTED:
            pinned = pin(snapshot, models_dir)
            verify(pinned.id, pinned.files, materialize(pinned, models_dir))
    return ", ".join(snapshot.id for snapshot in snapshots)


async def _server(settings: Settings) -> str:
    base_url = ServerFile(settings.data_dir).base_url()
    if base_url is None:
        return "none runs with this data folder"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session,
            session.get(base_url.removesuffix("/v1") + "/readyz") as response,
        ):
            text = await response.text()
            if response.status != 200:
                raise ConfigurationError(f"{base_url} is not ready: {text}")
            return f"{base_url} is ready"
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ConfigurationError(f"{base_url} does not answer") from error
