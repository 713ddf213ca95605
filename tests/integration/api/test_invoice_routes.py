"""Invoices over HTTP: drafts in three forms, issued by the operator alone, kept as they are."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from sayso.api.services import InvoiceTexts
from sayso.billing.invoices import Month
from sayso.billing.ledger import Ledger
from sayso.billing.reservation import Reservation
from sayso.core.caller import Caller
from sayso.core.metering import Quantities
from sayso.ids import KeyId, ProjectId, new_request_id
from tests.integration.api.conftest import MakeWorld
from tests.integration.api.tenants import Tenant, Tenants, two_tenants

OVER = Month(2026, 1)
INVOICES = "/v1/organization/invoices"
PATH = f"{INVOICES}/{OVER}"


@pytest.fixture
async def tenants(make_world: MakeWorld, tmp_path: Path) -> AsyncIterator[Tenants]:
    """Two organizations which used something in a month that is over."""
    services = replace(make_world().services, invoice_texts=InvoiceTexts("Seller", "Note"))
    async with two_tenants(services, f"sqlite:///{tmp_path / 'sayso.db'}") as made:
        ledger = Ledger.open(made.accounts.db, clock=lambda: (OVER.end - 3_600) * 1_000_000)
        await spend(ledger, made.first, 10_000)
        await spend(ledger, made.second, 20_000)
        await ledger.close()
        yield made


async def spend(ledger: Ledger, tenant: Tenant, tokens: int) -> None:
    hold = await ledger.reserve(
        Reservation(
            request_id=new_request_id(),
            caller=Caller(
                tenant.owner.org_id, ProjectId(tenant.ids["project_id"]), KeyId(tenant.ids["key_id"])
            ),
            endpoint="chat.completions",
            kind="chat",
            model="gpt-3.5-turbo",
            snapshot="fake-chat",
            streamed=False,
            worst=Quantities(tokens),
        )
    )
    await ledger.settle(hold, Quantities(tokens), "completed")


async def test_a_draft_comes_in_three_forms(tenants: Tenants) -> None:
    async with tenants.client(tenants.second.keys.owner) as client:
        draft = (await client.get(PATH)).json()
        assert (draft["state"], draft["total"], draft["seller"], draft["note"]) == (
            "draft",
            "0.04",
            "Seller",
            "Note",
        )
        table = await client.get(f"{PATH}?format=csv")
        assert table.headers["content-type"] == "text/csv; charset=utf-8"
        rows = list(csv.DictReader(io.StringIO(table.text)))
        assert [(row["kind"], row["amount_usd"]) for row in rows] == [("usage", "0.04"), ("total", "0.04")]
        page = await client.get(f"{PATH}?format=html")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "Draft" in page.text
        assert (await client.get(f"{PATH}?format=pdf")).status_code == 400
        assert (await client.get(INVOICES)).json()["data"] == []


async def test_the_operator_issues_and_the_organization_sees_it(tenants: Tenants) -> None:
    buyer = tenants.second.owner.org_id
    body = {"organization_id": buyer, "note": "Thank you"}
    async with (
        tenants.client(tenants.first.keys.owner) as operator,
        tenants.client(tenants.second.keys.owner) as client,
    ):
        assert (await client.post(PATH, json={})).status_code == 403
        made = await operator.post(PATH, json=body)
        assert made.status_code == 200, made.text
        invoice = made.json()
        assert (invoice["number"], invoice["buyer"]["id"]) == ("INV-000001", buyer)
        assert (invoice["seller"], invoice["note"], invoice["total"]) == ("Seller", "Thank you", "0.04")
        again = await operator.post(PATH, json={**body, "note": "another", "seller": "another"})
        assert again.json() == invoice
        assert (await client.get(PATH)).json() == invoice
        assert (await operator.get(PATH)).json()["state"] == "draft"
        (listed,) = (await client.get(INVOICES)).json()["data"]
        assert (listed["id"], listed["total"], "lines" in listed) == ("INV-000001", "0.04", False)
        events = (await operator.get("/v1/organization/audit_logs?event_types[]=invoice.issued")).json()
        (event,) = events["data"]
        assert event["invoice.issued"] == {
            "id": "INV-000001",
            "organization_id": buyer,
            "month": "2026-01",
            "total": "0.04",
        }


@pytest.mark.parametrize(
    ("month", "body", "status"),
    [
        ("2025-12", {}, 400),
        ("2099-01", {}, 400),
        ("2026-13", {}, 400),
        ("2026-01", {"organization_id": "org_nobody"}, 404),
        ("2026-01", {"seller": "x" * 2_001}, 400),
    ],
)
async def test_what_can_not_be_issued(
    tenants: Tenants, month: str, body: dict[str, str], status: int
) -> None:
    async with tenants.client(tenants.first.keys.owner) as operator:
        answer = await operator.post(f"{INVOICES}/{month}", json=body)
        assert answer.status_code == status, answer.text
        assert (await operator.get(INVOICES)).json()["data"] == []
