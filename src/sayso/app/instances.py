"""Dedicated instances of one server: the verbs always, and the control of its machine where there is one."""

import os
from dataclasses import replace

from sayso.app.names import named_catalogue
from sayso.app.prices import is_there, prices_in_force
from sayso.billing.ledger import Ledger
from sayso.billing.price_book import ensure_launch_prices
from sayso.catalog.catalogue import Catalogue
from sayso.config import Settings
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.dedicated.advice import Advice, advice
from sayso.dedicated.charging import Charges
from sayso.dedicated.clock import SYSTEM_CLOCK
from sayso.dedicated.configuration import Share
from sayso.dedicated.control import Control, MachineShare
from sayso.dedicated.machine import Machine
from sayso.dedicated.runtime import InstanceRuntime
from sayso.dedicated.service import Instances
from sayso.tenancy.service import default_project


def instance_verbs(
    db: Database,
    catalogue: Catalogue,
    control: Control | None = None,
    runtime: InstanceRuntime | None = None,
) -> Instances:
    """Return the verbs; `control` is told of news at once, `runtime` knows how instances run here."""
    verbs = Instances(db, catalogue.resolve)
    if control is not None:
        verbs = replace(verbs, wake=control.wake)
    return replace(verbs, status=runtime.status) if runtime is not None else verbs


def instance_control(
    settings: Settings, db: Database, ledger: Ledger, runtime: InstanceRuntime, machine: Machine
) -> Control | None:
    """Return what keeps this machine's instances, None where none of it is for instances."""
    if not machine.instance_cores:
        return None
    charges = Charges(db, ledger, SYSTEM_CLOCK)
    share = _share(settings.instance_node, machine)
    forget = settings.forget_idle_minutes * 60.0
    return Control(db, runtime, charges, share, forget_idle_seconds=forget)


def _share(node: str, machine: Machine) -> MachineShare:
    """Return all that this machine has, and what of it is the shared pool's."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    cores = len(machine.pool_cores) + len(machine.instance_cores)
    total = Share(cores, max(machine.instance_memory_mib, memory))
    return MachineShare(node, total, total - machine.instances)


async def compare_with_tokens(settings: Settings, model: str, cores: int) -> Advice:
    """Compare an instance of so many cores with paying for tokens, for what the first organization has used.

    Raises `ModelNotFound`, `InvalidRequest`, `ConfigurationError` and `StorageUnavailable`.
    """
    if not is_there(settings.database_url):
        catalogue, book = Catalogue.of(settings), await prices_in_force(settings)
        return advice(book, model, catalogue.resolve(model), units=cores)
    async with Database.open(settings.database_url) as db:
        await migrate(db)
        await ensure_launch_prices(db)
        catalogue = await named_catalogue(settings, db)
        operator = (await default_project(db)).operator
        return await instance_verbs(db, catalogue).advise(operator.org_id, model, Share(cores, 0))
