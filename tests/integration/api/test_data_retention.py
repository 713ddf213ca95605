"""Policies over the administration API: in force at once, written down, and for what is kept already."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from sayso.api.admin.data_retention import PROJECT
from sayso.retention.policy import DEFAULT_DAYS
from sayso.retention.tables import RetainedRecord
from sayso.tenancy.audit import AuditFilter, list_audit_logs
from sayso.tenancy.paging import Cut
from tests.integration.api.conftest import MakeWorld
from tests.integration.api.route_rows import CHAT, STORED
from tests.integration.api.tenants import Tenants, two_tenants

ORG = "/v1/organization/data_retention"
WEEK = 7 * 86_400_000_000


@pytest.fixture
async def tenants(make_world: MakeWorld, tmp_path: Path) -> AsyncIterator[Tenants]:
    async with two_tenants(make_world().services, f"sqlite:///{tmp_path / 'sayso.db'}") as made:
        yield made


@pytest.fixture
async def owner(tenants: Tenants) -> AsyncIterator[httpx.AsyncClient]:
    async with tenants.client(tenants.second.keys.owner) as client:
        yield client


async def lives(tenants: Tenants) -> list[int]:
    """For how long each record of the second organization lives, microseconds."""
    retention = tenants.app.state.services.retention
    await retention.store.flush()
    await retention.sweeper.sweep()
    async with tenants.accounts.db.read() as session:
        query = select(RetainedRecord).where(RetainedRecord.organization_id == tenants.second.owner.org_id)
        return [row.expires_at - row.created_at for row in await session.scalars(query)]


async def test_what_is_asked_for_is_shown(tenants: Tenants, owner: httpx.AsyncClient) -> None:
    project = PROJECT.format(**tenants.second.ids)
    assert (await owner.get(ORG)).json() == shown("organization", "none", DEFAULT_DAYS)
    assert (await owner.get(project)).json() == shown("project", "organization_default", None)
    for path, scope in ((ORG, "organization"), (project, "project")):
        for body, type_, days in (
            ({"days": 7}, "none", 7),
            ({"retention_type": "zero_data_retention"}, "zero_data_retention", 0),
            ({"retention_type": "enhanced_modified_abuse_monitoring"}, "modified_abuse_monitoring", 0),
            ({"retention_type": "none"}, "none", DEFAULT_DAYS),
        ):
            answer = await owner.post(path, json=body)
            assert answer.json() == shown(scope, type_, days) == (await owner.get(path)).json()
    events = await list_audit_logs(
        tenants.accounts.db, tenants.second.owner.org_id, AuditFilter(), Cut(limit=4)
    )
    last = events.items[0]
    assert last.type == "project.updated"
    assert last.details["changes_requested"] == {"data_retention": "none", "mode": "default"}


def shown(scope: str, type_: str, days: int | None) -> dict[str, Any]:
    return {"object": f"{scope}.data_retention", "type": type_, "days": days}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"days": 0},
        {"days": 31},
        {"days": 3, "retention_type": "zero_data_retention"},
        {"retention_type": "organization_default"},
    ],
)
async def test_what_can_not_be_asked_for(owner: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert (await owner.post(ORG, json=body)).status_code == 400
    assert (await owner.get(ORG)).json()["days"] == DEFAULT_DAYS


async def test_a_stricter_policy_acts_on_what_is_kept_and_a_looser_one_does_not(
    tenants: Tenants, owner: httpx.AsyncClient
) -> None:
    before = len(await lives(tenants))
    async with tenants.client(tenants.second.keys.project) as member:
        stored = (await member.post("/v1/chat/completions", json=STORED)).json()
        await member.post("/v1/chat/completions", json=CHAT)
        assert len(await lives(tenants)) == before + 2
        await owner.post(ORG, json={"days": 7})
        assert set(await lives(tenants)) == {WEEK}
        await owner.post(ORG, json={"retention_type": "none"})
        assert set(await lives(tenants)) == {WEEK}
        await owner.post(PROJECT.format(**tenants.second.ids), json={"retention_type": "zero_data_retention"})
        found = await member.get(f"/v1/chat/completions/{stored['id']}")
        assert found.status_code == 404
        assert (await member.get("/v1/chat/completions")).json()["data"] == []
        answer = await member.post("/v1/chat/completions", json=STORED)
        assert answer.headers["x-sayso-stored"] == "false"
