"""Operators can see that content is lost, or that nothing sweeps."""

import asyncio
from pathlib import Path

from sayso.app.retention_metrics import count_retention
from sayso.app.tenancy import open_tenancy
from sayso.cli.retention_checks import retention_findings
from sayso.config import Settings
from sayso.retention.service import Retention
from sayso.retention.store import RetentionStore
from sayso.telemetry.metrics import Metrics
from tests.integration.retention.conftest import DAY, HOUR, Vault


def watched(vault: Vault, store: RetentionStore) -> Metrics:
    metrics = Metrics()
    count_retention(Retention(vault.database, vault.keys, store, vault.reader, vault.sweeper), metrics)
    return metrics


async def test_what_is_lost_is_counted(vault: Vault) -> None:
    small = RetentionStore.open(vault.database, vault.keys, clock=vault.clock, queue_bytes=10_000)
    value = watched(vault, small).registry.get_sample_value
    assert [small.keep(vault.content("x" * 4_000)) for _ in range(3)] == [True, True, False]
    assert value("sayso_content_dropped_total", {"reason": "queue_full"}) == 1
    small.start()
    await small.close()
    assert value("sayso_content_dropped_total", {"reason": "storage"}) is None


async def test_what_a_sweep_does_is_counted(vault: Vault) -> None:
    value = watched(vault, vault.store).registry.get_sample_value
    await vault.keep()
    await vault.keep()
    assert value("sayso_sweep_finished_timestamp_seconds") == 0
    vault.clock.advance(30 * DAY + HOUR)
    await vault.sweep()
    assert value("sayso_records_destroyed_total", {"cause": "expired"}) == 2
    assert value("sayso_sweep_finished_timestamp_seconds") == vault.clock.now / 1_000_000
    vault.clock.jump(DAY)
    assert await vault.sweeper.sweep() is None
    assert value("sayso_sweep_failures_total", {"reason": "clock"}) == 1


async def test_a_sweep_that_breaks_is_counted(vault: Vault) -> None:
    broken: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    value = watched(vault, vault.store).registry.get_sample_value
    counted, vault.sweeper.on_failure = vault.sweeper.on_failure, lambda reason: broken.set_result(reason)
    (vault.folder / "key-store-id").write_text("of another folder")
    await vault.keep()
    vault.clock.advance(30 * DAY + HOUR)
    vault.sweeper.start()
    counted(await asyncio.wait_for(broken, 10))
    await vault.sweeper.close()
    assert value("sayso_sweep_failures_total", {"reason": "storage"}) == 1


async def test_the_doctor_tells_of_sweeps_that_do_not_come(
    tmp_path: Path, vault: Vault, database_url: str
) -> None:
    settings = Settings(data_dir=tmp_path, database_url=database_url)
    await (await open_tenancy(settings)).database.close()

    async def verdicts(*, server_runs: bool = True) -> dict[str, str]:
        found = await retention_findings(settings, server_runs=server_runs, clock=vault.clock)
        return {one.name: one.verdict for one in found}

    await vault.sweep()
    sqlite = {"deletion": "ok"} if vault.database.kind == "sqlite" else {}
    assert await verdicts() == {"retention": "ok", "sweep": "ok", **sqlite}
    vault.clock.advance(2 * HOUR + 1)
    assert (await verdicts())["sweep"] == "bad"
    assert (await verdicts(server_runs=False))["sweep"] == "ok"

    await vault.sweep()
    await vault.keep()
    vault.clock.advance(30 * DAY + HOUR - 1)
    assert (await verdicts(server_runs=False))["sweep"] == "ok"
    vault.clock.advance(2)
    assert (await verdicts(server_runs=False))["sweep"] == "bad"
    await vault.sweep()
    assert (await verdicts())["sweep"] == "ok"
