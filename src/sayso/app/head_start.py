"""Engine hosts that load while the gateway itself is still being read.

A host of the embedded models needs no more than the settings. Until the gateway has imported what it needs
and opened its database, a model has been loading for as long on another core.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sayso.app.planning import engine_config, hosts_at_once, plan, prepare
from sayso.catalog.catalogue import Catalogue
from sayso.catalog.snapshot import FolderSource, HubSource, PackageSource, Snapshot, UpstreamSource
from sayso.catalog.storage import folder_for, no_progress
from sayso.config import SCRIPTED, Settings
from sayso.core.cores import usable_cores
from sayso.engines.config import EngineConfig
from sayso.engines.process import EarlyHost
from sayso.errors import ConfigurationError, IntegrityError


class HeadStart:
    """The hosts that have been started and that nobody has taken yet."""

    def __init__(self) -> None:
        self._hosts: list[EarlyHost] = []

    @classmethod
    @asynccontextmanager
    async def of(cls, settings: Settings) -> "AsyncIterator[HeadStart]":
        """Start what these settings are sure to need; what is not taken in the block ends with it."""
        early = cls()
        try:
            for config in early_configs(settings, usable_cores()):
                early._hosts.append(await EarlyHost.begin(config))
            await asyncio.sleep(0)  # what was written to them leaves in the loop's next turn
            yield early
        finally:
            await early.close()

    def take(self, config: EngineConfig) -> EarlyHost | None:
        """Return the host that was started on exactly this, None where there is none."""
        for host in self._hosts:
            if host.config == config:
                self._hosts.remove(host)
                return host
        return None

    async def close(self) -> None:
        """End what nobody has taken."""
        hosts, self._hosts = self._hosts, []
        await asyncio.gather(*(host.stop() for host in hosts))


def early_configs(settings: Settings, cores: tuple[int, ...]) -> tuple[EngineConfig, ...]:
    """Return which hosts to start before the gateway, chat first: one core is left to the gateway.

    What the database says of names is not known yet, nor is what is wrong with the settings: who reads them
    in full says so.
    """
    with suppress(ConfigurationError, IntegrityError):
        ready = (one for one in plan(settings, Catalogue.of(settings)) if _lies_ready(one, settings))
        deployments = prepare(tuple(ready), settings.data_dir / "models", no_progress)
        ordered = sorted(deployments, key=lambda one: one.snapshot.kind != "chat")
        return tuple(engine_config(settings, one) for one in ordered)[: hosts_at_once(cores)]
    return ()


def _lies_ready(snapshot: Snapshot, settings: Settings) -> bool:
    """Tell whether a host can be started on the snapshot without reading or making a file first."""
    if snapshot.engine in SCRIPTED:
        return snapshot.engine == "fake"  # the other one runs in the gateway
    match snapshot.source:
        case PackageSource() | HubSource():
            return folder_for(snapshot, settings.data_dir / "models").is_dir()
        case FolderSource():
            return bool(snapshot.files)
        case UpstreamSource():
            return False
