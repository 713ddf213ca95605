"""How commands reach a running server: its address, and a key for the length of a command."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sayso.app.server_file import ServerFile
from sayso.app.tenancy import open_tenancy
from sayso.config import Settings, client_settings, load_settings
from sayso.errors import ConfigurationError
from sayso.tenancy.api_keys import create_key, revoke_key
from sayso.tenancy.service import default_project


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where to send requests, and with which key."""

    base_url: str
    api_key: str


@asynccontextmanager
async def reach_server(config: Path | None, data_dir: Path | None) -> AsyncGenerator[ServerAddress, None]:
    """Yield the server's address.

    `SAYSO_BASE_URL` and `SAYSO_API_KEY` say where it is; without a key, one is made in the data folder's
    database and revoked when the block ends, which whoever owns the folder may do. Raises
    `ConfigurationError` when no server runs.
    """
    given = client_settings()
    settings = load_settings(config, data_dir=data_dir)
    base_url = given.base_url or _running(settings)
    if given.api_key:
        yield ServerAddress(base_url, given.api_key)
        return
    tenancy = await open_tenancy(settings)
    async with tenancy.database as database:
        project = await default_project(database)
        key = await create_key(
            database, tenancy.pepper, project.operator, project.id, "command line (temporary)"
        )
        try:
            yield ServerAddress(base_url, key.secret)
        finally:
            await revoke_key(database, project.operator, project.id, key.id)


def _running(settings: Settings) -> str:
    base_url = ServerFile(settings.data_dir).base_url()
    if base_url is None:
        raise ConfigurationError(
            f"no server runs with the data folder {settings.data_dir}: start one with `sayso serve`, "
            "or say where it is with SAYSO_BASE_URL"
        )
    return base_url
