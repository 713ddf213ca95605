"""`sayso usage` of an organization that has nothing but a dedicated instance."""

import asyncio
import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sayso.app.tenancy import open_tenancy
from sayso.billing.instance_time import InstanceTime
from sayso.billing.ledger import Ledger
from sayso.cli.main import app
from sayso.config import Settings
from sayso.tenancy.service import default_project


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    asyncio.run(fill(folder))
    return folder


async def fill(folder: Path) -> None:
    """Charge half an hour of today."""
    tenancy = await open_tenancy(Settings(data_dir=folder), with_first_tenant=True)
    async with tenancy.database as database:
        project = await default_project(database)
        start = int(time.time()) // 86_400 * 86_400
        whose = (project.org_id, project.id, "fast")
        half = InstanceTime("inst_1", start, start + 1_800, *whose, 1, "launch", 2 * 10**9, 10**9)
        ledger = Ledger.open(database)
        await ledger.post_time(half)
        await ledger.close()


@pytest.mark.parametrize("by", ["model", "project", "key", "day"])
def test_time_is_used_and_costs(data_dir: Path, by: str) -> None:
    words = ["usage", "--days", "1", "--by", by, "--data-dir", str(data_dir)]
    shown = CliRunner().invoke(app, [*words, "--json"])
    (row,) = json.loads(shown.stdout)["rows"]
    assert (row["instance_seconds"], row["usd"], row["requests"]) == (1_800, "1.00", 0)
    if by in ("model", "key"):
        assert row["label"] == "dedicated instance fast"
    table = CliRunner().invoke(app, words).stdout
    assert "instance seconds" in table
    assert "1,800" in table
