"""Dedicated instances on the command line, in a database that no server has open."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sayso.app.tenancy import open_tenancy
from sayso.billing.price_book import ensure_launch_prices
from sayso.cli.main import app
from sayso.config import Settings
from sayso.dedicated.capacity import register
from sayso.dedicated.configuration import Share

MODEL = ("--model", "gpt-3.5-turbo-0301")


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose machine has two cores for instances."""
    folder = tmp_path_factory.mktemp("data")
    asyncio.run(fill(folder))
    return folder


async def fill(folder: Path) -> None:
    tenancy = await open_tenancy(Settings(data_dir=folder), with_first_tenant=True)
    async with tenancy.database as database:
        await ensure_launch_prices(database)
        async with database.transaction() as session:
            await register(session, "main", Share(3, 4_000), Share(1, 1_000), 1)


def run(data_dir: Path, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--data-dir", str(data_dir)])


def found(data_dir: Path, *words: str) -> Any:
    result = run(data_dir, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_an_instance_from_its_making_to_its_end(data_dir: Path) -> None:
    create = ("instances", "create", "fast", *MODEL, "--memory-mib", "500", "--preset", "latency")
    made = found(data_dir, *create, "--max-concurrency", "3", "--idempotency-key", "once")
    assert (made["status"], made["load"]["max_concurrency"]) == ("reserved", 3)
    again = found(data_dir, *create, "--max-concurrency", "3", "--idempotency-key", "once")
    assert again["id"] == made["id"]
    assert "fast" in [one["name"] for one in found(data_dir, "instances", "list")]
    assert found(data_dir, "instances", "show", made["id"]) == {**made, "utilization": {}}
    assert found(data_dir, "instances", "start", "fast")["status"] == "reserved"
    assert found(data_dir, "instances", "segments", "fast") == []
    assert found(data_dir, "instances", "drain", "fast", "--drain-seconds", "5")["status"] == "draining"
    types = [event["type"] for event in found(data_dir, "instances", "events", "fast")]
    assert types == ["requested", "capacity_reserved", "stop_accepted"]
    assert found(data_dir, "instances", "delete", "fast")["deleting"] is True
    shown = run(data_dir, "instances", "show", "fast")
    assert "$37.50 per hour" in shown.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("create", "big", *MODEL, "--cores", "9"), "No machine has 9 cores"),
        (("create", "-x", *MODEL), "A name has"),
        (("create", "odd", *MODEL, "--preset", "fastest"), "A preset is one of"),
        (("create", "odd", *MODEL, "--overflow", "drop"), "'overflow' is one of"),
        (("create", "odd", *MODEL, "--context-length", "9999999"), "tokens long"),
        (("create", "odd", "--model", "none"), "does not exist"),
        (("stop", "nobody"), "There is no instance 'nobody'"),
    ],
)
def test_what_can_not_be_is_refused_in_one_line(data_dir: Path, words: tuple[str, ...], says: str) -> None:
    command, *rest = words
    if "-x" in rest:
        rest = [*rest[1:], "--", rest[0]]
        result = CliRunner().invoke(app, ["instances", command, "--data-dir", str(data_dir), *rest])
    else:
        result = run(data_dir, "instances", command, *rest)
    assert result.exit_code == 1
    assert says in result.stderr


def test_what_a_machine_has_left(data_dir: Path) -> None:
    (machine,) = found(data_dir, "instances", "capacity")
    assert machine["shared_pool"] == {"cores": 1, "memory_mib": 1_000, "gpus": 0, "vram_mib": 0}
    left = machine["total"]["memory_mib"] - machine["held"]["memory_mib"]
    assert machine["free"]["memory_mib"] == left
    assert "shared pool" in run(data_dir, "instances", "capacity").stdout


def test_a_command_that_comes_again_on_the_command_line_is_carried_out_once(data_dir: Path) -> None:
    found(data_dir, "instances", "create", "again", *MODEL, "--memory-mib", "100")
    stop = ("instances", "stop", "again", "--idempotency-key", "first")
    assert found(data_dir, *stop)["status"] == "draining"
    assert found(data_dir, *stop)["status"] == "draining"
    other = run(data_dir, "instances", "delete", "again", "--idempotency-key", "first")
    assert other.exit_code == 1
    assert "another command" in other.stderr
    types = [event["type"] for event in found(data_dir, "instances", "events", "again")]
    assert types == ["requested", "capacity_reserved", "stop_accepted"]
    assert found(data_dir, "instances", "delete", "again")["deleting"] is True


def test_where_an_instance_is_cheaper(data_dir: Path) -> None:
    assert found(data_dir, "price", "--compare-dedicated")["break_even_tokens_per_day"] == 450_000_000
    text = run(data_dir, "price", "--compare-dedicated", "--cores", "2").stdout
    assert "900,000,000 tokens a day" in text
