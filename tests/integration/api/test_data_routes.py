"""Legal holds, erasures, receipts and consent over the administration API."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sayso.ids import ProjectId
from sayso.jobs.data_decisions import hold
from sayso.retention.clock import wall_clock
from sayso.retention.content import Content
from sayso.retention.service import Retention
from sayso.tenancy.audit import AuditFilter, list_audit_logs
from sayso.tenancy.paging import Cut
from tests.integration.api.conftest import MakeWorld
from tests.integration.api.tenants import Tenant, Tenants, two_tenants

ORG = "/v1/organization"


@pytest.fixture
async def tenants(make_world: MakeWorld, tmp_path: Path) -> AsyncIterator[Tenants]:
    async with two_tenants(make_world().services, f"sqlite:///{tmp_path / 'sayso.db'}") as made:
        yield made


def promise(tenants: Tenants) -> Retention:
    found: Retention = tenants.app.state.services.retention
    return found


async def keep(tenants: Tenants, tenant: Tenant, name: str) -> None:
    content = Content(
        record_id=name,
        organization_id=tenant.owner.org_id,
        project_id=ProjectId(tenant.ids["project_id"]),
        owner_id="user_1",
        kind="translation",
        model="smollm2",
        created_at=wall_clock(),
        parts={"request": b"a secret"},
        stored=True,
    )
    await promise(tenants).store.store(content)


def of_ours(kept: dict[str, Any]) -> list[dict[str, Any]]:
    """What is kept of the kind that these tests make."""
    return [one for one in kept["kept"] if one["kind"] == "translation"]


async def test_content_is_counted_held_erased_and_proven_gone(tenants: Tenants) -> None:
    store = promise(tenants).store
    store.start()
    await keep(tenants, tenants.first, "chatcmpl-1")
    async with tenants.client(tenants.first.keys.owner) as owner:
        for one in (await owner.get(f"{ORG}/legal_holds")).json()["data"]:
            await owner.post(f"{ORG}/legal_holds/{one['id']}/release")
        kept = (await owner.get(f"{ORG}/kept_data")).json()
        (mine,) = of_ours(kept)
        assert (mine["class"], mine["records"], mine["hidden"], mine["held"]) == ("K0", 1, 0, False)
        assert mine["next_expiry"] == mine["oldest"] + 30 * 86_400
        assert kept["next_expiry"] <= mine["next_expiry"]
        assert (kept["ceiling_days"], kept["improvement"]) == (30, False)
        project = tenants.first.ids["project_id"]
        reason = {"reason": "an order", "project_id": project}
        held = (await owner.post(f"{ORG}/legal_holds", json=reason)).json()
        assert (held["scope"], held["created_by"]) == (
            {"type": "project", "id": project},
            tenants.first.owner.user_id,
        )
        asked = await owner.post(f"{ORG}/erasures", json={"scope": "record", "id": "chatcmpl-1"})
        assert asked.json()["records"] == 1
        await promise(tenants).sweeper.sweep()
        (counted,) = of_ours((await owner.get(f"{ORG}/projects/{project}/kept_data")).json())
        assert (counted["hidden"], counted["held"]) == (1, True)
        await owner.post(f"{ORG}/legal_holds/{held['id']}/release")
        await promise(tenants).sweeper.sweep()
        assert of_ours((await owner.get(f"{ORG}/kept_data")).json()) == []
        listed = (await owner.get(f"{ORG}/deletion_receipts", params={"after": 2})).json()
        (receipt,) = (one for one in listed["data"] if [r[0] for r in one["records"]] == ["chatcmpl-1"])
        assert receipt["cause"] == "erased"
        checked = (await owner.get(f"{ORG}/deletion_receipts/{receipt['id']}")).json()
        assert checked["check"] == {"ok": True, "fault": ""}
    events = await list_audit_logs(
        tenants.accounts.db, tenants.first.owner.org_id, AuditFilter(), Cut(limit=1000)
    )
    found = [one.type for one in events.items]
    assert (found.count("legal_hold.created"), found.count("legal_hold.released")) == (2, 2)
    assert found.count("content.erased") == 2
    await store.close()


async def test_what_the_operator_holds_the_organization_sees_and_can_not_release(tenants: Tenants) -> None:
    placed = await hold(tenants.accounts.db, tenants.first.owner, None, "a court's order", wall_clock())
    async with tenants.client(tenants.first.keys.owner) as owner:
        seen = (await owner.get(f"{ORG}/legal_holds/{placed.id}")).json()
        assert (seen["reason"], seen["created_by"], seen["released_at"]) == (
            "a court's order",
            "operator",
            None,
        )
        refused = await owner.post(f"{ORG}/legal_holds/{placed.id}/release")
        assert refused.status_code == 403
        assert (await owner.get(f"{ORG}/legal_holds/{placed.id}")).json()["released_at"] is None


async def test_consent_is_no_until_it_is_yes(tenants: Tenants) -> None:
    async with tenants.client(tenants.first.keys.owner) as owner:
        said = (await owner.get(f"{ORG}/improvement")).json()
        assert said == {"object": "organization.improvement", "opted_in": False, "since": None, "by": None}
        said = (await owner.post(f"{ORG}/improvement", json={"opted_in": True})).json()
        assert said["opted_in"] is True
        assert (await owner.get(f"{ORG}/kept_data")).json()["improvement"] is True
        assert (await owner.post(f"{ORG}/improvement", json={"opted_in": "yes"})).status_code == 400
        assert (await owner.post(f"{ORG}/improvement", json={"opted_in": False})).json()["opted_in"] is False


@pytest.mark.parametrize(
    "body", [{"scope": "organization", "id": "org_1"}, {"scope": "user"}, {"scope": "all"}, {}]
)
async def test_an_erasure_without_a_clear_scope_is_refused(tenants: Tenants, body: dict[str, str]) -> None:
    async with tenants.client(tenants.first.keys.owner) as owner:
        before = (await owner.get(f"{ORG}/erasures")).json()
        assert (await owner.post(f"{ORG}/erasures", json=body)).status_code == 400
        stranger = await owner.post(
            f"{ORG}/erasures", json={"scope": "project", "id": tenants.second.ids["project_id"]}
        )
        assert stranger.status_code == 404
        assert (await owner.get(f"{ORG}/erasures")).json() == before
