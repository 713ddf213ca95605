"""Dedicated instances over HTTP: commands that come again, refusals, and what an organization reads."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from sayso.dedicated import store
from sayso.dedicated.clock import SYSTEM_CLOCK
from sayso.dedicated.events import Failed
from sayso.dedicated.runtime import RuntimeStatus
from sayso.ids import InstanceId
from tests.integration.api.conftest import MakeWorld
from tests.integration.api.route_rows import INSTANCE, ORG
from tests.integration.api.tenants import Tenants, two_tenants

PATH = f"{ORG}/instances"


@pytest.fixture
async def tenants(make_world: MakeWorld, tmp_path: Path) -> AsyncIterator[Tenants]:
    async with two_tenants(make_world().services, f"sqlite:///{tmp_path / 'sayso.db'}") as made:
        yield made


async def test_an_instance_over_http(tenants: Tenants) -> None:
    async with tenants.client(tenants.first.keys.owner) as owner:
        wanted = INSTANCE | {"project_id": tenants.first.ids["project_id"], "load": {"preset": "latency"}}
        key = {"Idempotency-Key": "once"}
        made = (await owner.post(PATH, json=wanted, headers=key)).json()
        assert made["object"] == "organization.instance"
        assert (made["status"], made["plan"], made["snapshot"]) == (
            *("reserved", {"type": "on_demand"}),
            "fake-chat",
        )
        assert made["load"]["max_concurrency"] == 2
        assert made["price"] == {"usd_per_hour": "37.50", "price_version": "launch"}
        assert (await owner.post(PATH, json=wanted, headers=key)).json() == made
        await _assert_conflicts(owner, wanted, key)
        one = f"{PATH}/{made['id']}"
        events = (await owner.get(f"{one}/events?limit=1")).json()
        assert (events["data"][0]["type"], events["has_more"]) == ("requested", True)
        assert (await owner.get(f"{one}/segments")).json()["data"] == []
        gone = (await owner.delete(one)).json()
        assert (gone["status"], gone["deleting"]) == ("draining", True)
        logs = (await owner.get(f"{ORG}/audit_logs?limit=2")).json()["data"]
        assert [entry["type"] for entry in logs] == ["instance.deleted", "instance.created"]


async def _assert_conflicts(owner: httpx.AsyncClient, wanted: dict[str, object], key: dict[str, str]) -> None:
    for body, headers, code in (
        (wanted | {"name": "other"}, key, "idempotency_key_reused"),
        (wanted | {"name": "big", "cores": 100}, {}, "capacity_unavailable"),
    ):
        answer = await owner.post(PATH, json=body, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, code)
        assert answer.headers["x-should-retry"] == "false"
    for change, param in (
        ({"name": "fast"}, "name"),
        ({"name": "-"}, "name"),
        ({"cores": 0}, "cores"),
        ({"load": {"max_concurrency": 0}}, "load.max_concurrency"),
        ({"term_months": 99}, "term_months"),
        ({"project_id": "proj_other"}, "project_id"),
    ):
        answer = await owner.post(PATH, json=wanted | {"name": "new"} | change)
        assert answer.status_code == (404 if param == "project_id" else 400), change
        assert answer.json()["error"]["param"] == param
    answer = await owner.post(PATH, json=wanted, headers={"Idempotency-Key": "x" * 256})
    assert answer.status_code == 400


async def test_how_an_instance_runs_is_shown_by_the_server_that_runs_it(tenants: Tenants) -> None:
    state = tenants.app.state
    status = RuntimeStatus(up=True, running=4, waiting=1, places=16)
    verbs = replace(state.services.instances, status=lambda _: status)
    state.services = replace(state.services, instances=verbs)
    async with tenants.client(tenants.first.keys.owner) as owner:
        one = (await owner.get(f"{PATH}/{tenants.first.ids['instance_id']}")).json()
        assert (one["now"]["running"], one["now"]["utilization"], one["now"]["places"]) == (4, 0.5, 16)
        assert (await owner.get(PATH)).json()["data"][0]["now"] == one["now"]


async def test_where_an_instance_is_cheaper(tenants: Tenants) -> None:
    async with tenants.client(tenants.first.keys.owner) as owner:
        found = (await owner.get(f"{ORG}/instance_break_even?model=gpt-3.5-turbo")).json()
        assert found["break_even_tokens_per_day"] == 450_000_000
        assert found["reachable_here"] is None
        two = (await owner.get(f"{ORG}/instance_break_even?cores=2&model=gpt-3.5-turbo")).json()
        assert two["break_even_tokens_per_day"] == 900_000_000
        machine = (await owner.get(f"{ORG}/instance_capacity")).json()["data"][0]
        assert (machine["total"]["cores"], machine["free"]["cores"]) == (8, 5)


async def test_updates_of_different_fields_over_http_at_once(tenants: Tenants) -> None:
    async with tenants.client(tenants.first.keys.owner) as owner:
        instance_id = InstanceId(tenants.first.ids["instance_id"])
        async with tenants.accounts.db.transaction() as session:
            org_id, failed = tenants.first.owner.org_id, Failed("so that all of it may change")
            await store.append(session, org_id, instance_id, failed, clock=SYSTEM_CLOCK)
        one = f"{PATH}/{instance_id}"
        bodies = ({"memory_mib": 333}, {"load": {"queue_depth": 9}}, {"load": {"max_wait_ms": 77}})
        answers = await asyncio.gather(*(owner.post(one, json=body) for body in bodies))
        assert [answer.status_code for answer in answers] == [200] * 3
        found = (await owner.get(one)).json()
        load = found["load"]
        assert (found["memory_mib"], load["queue_depth"], load["max_wait_ms"]) == (333, 9, 77)
