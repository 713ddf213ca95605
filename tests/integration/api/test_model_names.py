"""Names over HTTP: moves, pins, ends, and what each response says of them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from sayso.catalog.catalogue import Catalogue, wall_clock
from sayso.catalog.names import Deprecation
from sayso.catalog.snapshot import PackageSource, Snapshot
from sayso.catalog.storage import folder_for
from sayso.engines.fake import FakeEngine, Script
from sayso.inference.routing import Router
from tests.integration.api.conftest import MakeWorld
from tests.integration.api.tenants import Tenants, two_tenants

ORG = "/v1/organization"
SECOND = 1_000_000


@pytest.fixture
async def tenants(make_world: MakeWorld, tmp_path: Path) -> AsyncIterator[Tenants]:
    """Two models behind one alias, in front of a real database."""
    snapshots = [
        Snapshot("fake-chat", "chat", "fake", PackageSource()),
        Snapshot("fake-new", "chat", "fake", PackageSource()),
        Snapshot("fake-speech", "speech", "fake", PackageSource(), languages=("en",)),
    ]
    chat = {
        name: FakeEngine(Script(reply=f"I am {name}"), fingerprint=f"fp_{name}")
        for name in ("fake-chat", "fake-new")
    }
    router = Router(Catalogue(snapshots, {"gpt": "fake-chat"}), chat, {"fake-speech": FakeEngine()})
    services = replace(make_world().services, router=router)
    async with two_tenants(services, f"sqlite:///{tmp_path}/sayso.db") as made:
        yield made


async def chat(client: httpx.AsyncClient, model: str = "gpt") -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "who?"}]}
    return await client.post("/v1/chat/completions", json=body)


async def who(client: httpx.AsyncClient, model: str = "gpt") -> str:
    answer = (await chat(client, model)).json()
    assert answer["model"] == model
    return str(answer["system_fingerprint"]).removeprefix("fp_")


async def test_an_alias_moves_and_rolls_back_for_all_but_who_pinned(tenants: Tenants) -> None:
    first, second = tenants.first, tenants.second
    async with (
        tenants.client(first.keys.owner) as operator,
        tenants.client(first.keys.project) as pinned,
        tenants.client(second.keys.project) as other,
    ):
        pins = f"{ORG}/projects/{first.ids['project_id']}/model_pins"
        pin = (await operator.post(pins, json={"model": "gpt"})).json()
        assert (pin["object"], pin["model"], pin["snapshot"]) == ("project.model_pin", "gpt", "fake-chat")
        moved = await operator.post(f"{ORG}/model_aliases", json={"alias": "gpt", "snapshot": "fake-new"})
        assert moved.status_code == 200
        assert {name: moved.json()[name] for name in ("object", "snapshot", "previous", "cause")} == {
            "object": "organization.model_alias",
            "snapshot": "fake-new",
            "previous": "fake-chat",
            "cause": "move",
        }
        assert [await who(pinned), await who(other)] == ["fake-chat", "fake-new"]
        back = await operator.post(f"{ORG}/model_aliases/rollback", json={"alias": "gpt"})
        assert (back.json()["snapshot"], back.json()["cause"]) == ("fake-chat", "rollback")
        assert await who(other) == "fake-chat"
        history = (await operator.get(f"{ORG}/model_aliases", params={"alias": "gpt"})).json()
        assert [one["snapshot"] for one in history["data"]] == ["fake-chat", "fake-new", "fake-chat"]
        assert (await operator.get(f"{ORG}/model_aliases", params={"alias": "x"})).json()["data"] == []


async def test_a_request_is_billed_by_its_name_and_by_where_that_led(tenants: Tenants) -> None:
    reserved = tenants.app.state.services.ledger.reservations
    async with (
        tenants.client(tenants.first.keys.owner) as operator,
        tenants.client(tenants.second.keys.project) as client,
    ):
        await chat(client)
        await operator.post(f"{ORG}/model_aliases", json={"alias": "gpt", "snapshot": "fake-new"})
        await chat(client)
    assert [(one.model, one.snapshot) for one in reserved] == [("gpt", "fake-chat"), ("gpt", "fake-new")]


async def test_what_a_project_may_use_it_may_use_pinned(tenants: Tenants) -> None:
    project = f"{ORG}/projects/{tenants.first.ids['project_id']}"
    async with (
        tenants.client(tenants.first.keys.owner) as operator,
        tenants.client(tenants.first.keys.project) as client,
    ):
        await operator.post(f"{project}/model_pins", json={"model": "gpt"})
        await operator.post(f"{ORG}/model_aliases", json={"alias": "gpt", "snapshot": "fake-new"})
        permission = {"mode": "allow_list", "model_ids": ["gpt"]}
        await operator.post(f"{project}/model_permissions", json=permission)
        assert await who(client) == "fake-chat"
        assert [one["id"] for one in (await client.get("/v1/models")).json()["data"]] == ["fake-chat", "gpt"]
        assert (await chat(client, "fake-new")).status_code == 403


async def test_only_the_operator_moves_and_a_project_pins(tenants: Tenants) -> None:
    async with tenants.client(tenants.second.keys.owner) as customer:
        for method, path, body in (
            ("POST", "model_aliases", {"alias": "gpt", "snapshot": "fake-new"}),
            ("POST", "model_aliases/rollback", {"alias": "gpt"}),
            ("POST", "model_deprecations", {"model": "gpt"}),
            ("DELETE", "model_deprecations/gpt", None),
            ("DELETE", "snapshots/fake-chat", None),
        ):
            answer = await customer.request(method, f"{ORG}/{path}", json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "insufficient_permissions")
        pins = f"{ORG}/projects/{tenants.second.ids['project_id']}/model_pins"
        assert (await customer.post(pins, json={"model": "gpt", "snapshot": "fake-new"})).status_code == 200
        assert [one["snapshot"] for one in (await customer.get(pins)).json()["data"]] == ["fake-new"]
        assert (await customer.delete(f"{pins}/gpt")).json()["deleted"] is True
        assert (await customer.get(pins)).json()["data"] == []


async def test_a_pinned_snapshot_is_not_deleted(tenants: Tenants) -> None:
    async with tenants.client(tenants.first.keys.owner) as operator:
        project = tenants.first.ids["project_id"]
        await operator.post(f"{ORG}/projects/{project}/model_pins", json={"model": "gpt"})
        folder = _files_of(tenants, "fake-chat")
        answer = await operator.delete(f"{ORG}/snapshots/fake-chat")
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (409, "snapshot_in_use")
        assert f"it is pinned by project {project}" in error["message"]
        assert answer.headers["x-should-retry"] == "false"
        assert folder.is_dir()
        listed = (await operator.get(f"{ORG}/snapshots")).json()["data"]
        assert [(one["id"], one["served"], one["aliases"]) for one in listed] == [
            ("fake-chat", True, ["gpt"]),
            ("fake-new", True, []),
            ("fake-speech", True, []),
        ]
        assert all(len(one["digest"]) == 64 for one in listed)


async def test_a_limit_set_under_a_name_is_that_of_the_projects_snapshot(tenants: Tenants) -> None:
    project = tenants.first.ids["project_id"]
    async with tenants.client(tenants.first.keys.owner) as operator:
        await operator.post(
            f"{ORG}/projects/{project}/model_pins", json={"model": "gpt", "snapshot": "fake-new"}
        )
        limits = f"{ORG}/projects/{project}/rate_limits"
        await operator.post(f"{limits}/rl-gpt", json={"max_requests_per_1_minute": 7})
        found = (await operator.get(limits)).json()["data"]
        assert {one["model"]: one["max_requests_per_1_minute"] for one in found}["fake-new"] == 7
        assert {one["model"]: one["max_requests_per_1_minute"] for one in found}["fake-chat"] != 7


async def test_an_end_is_announced_in_the_list_and_in_headers(tenants: Tenants) -> None:
    since = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    end = int(datetime(2099, 3, 1, 12, tzinfo=UTC).timestamp())
    body = {"model": "gpt", "deprecated_from": since, "shutdown_at": end, "replacement": "fake-new"}
    expected = {
        "deprecation": f"@{since}",
        "sunset": "Sun, 01 Mar 2099 12:00:00 GMT",
        "link": '</v1/models/fake-new>; rel="successor-version"',
    }
    async with (
        tenants.client(tenants.first.keys.owner) as operator,
        tenants.client(tenants.first.keys.project) as client,
    ):
        assert (await operator.post(f"{ORG}/model_deprecations", json=body)).status_code == 200
        for answer in (
            await chat(client),
            await client.get("/v1/models/gpt"),
            await client.post("/v1/completions", json={"model": "gpt", "prompt": "x"}),
        ):
            assert answer.status_code == 200
            assert {name: answer.headers.get(name) for name in expected} == expected
        plain = await chat(client, "fake-chat")
        assert not set(expected) & set(plain.headers)
        listed = {one["id"]: one for one in (await client.get("/v1/models")).json()["data"]}
        assert listed["gpt"]["shutdown_date"] == "2099-03-01"
        assert listed["gpt"]["deprecation"] == {
            "deprecated_from": since,
            "shutdown_at": end,
            "replacement": "fake-new",
        }
        assert set(listed["fake-chat"]) == {"id", "object", "created", "owned_by"}
        ends = (await operator.get(f"{ORG}/model_deprecations")).json()["data"]
        assert [one["model"] for one in ends] == ["gpt"]
        await operator.delete(f"{ORG}/model_deprecations/gpt")
        assert "deprecation" not in (await chat(client)).headers


async def test_a_snapshots_end_is_that_of_every_name_that_leads_to_it(tenants: Tenants) -> None:
    async with (
        tenants.client(tenants.first.keys.owner) as operator,
        tenants.client(tenants.first.keys.project) as client,
    ):
        await operator.post(f"{ORG}/model_deprecations", json={"model": "fake-chat"})
        for name in ("gpt", "fake-chat"):
            assert (await chat(client, name)).headers["deprecation"].startswith("@")
        assert "sunset" not in (await chat(client)).headers


async def test_what_was_shut_down_is_not_found(tenants: Tenants) -> None:
    past = wall_clock() // SECOND - 10
    body = {"model": "fake-chat", "deprecated_from": past, "shutdown_at": past, "replacement": "fake-new"}
    async with (
        tenants.client(tenants.first.keys.owner) as operator,
        tenants.client(tenants.first.keys.project) as client,
    ):
        await operator.post(f"{ORG}/model_deprecations", json=body)
        day = datetime.fromtimestamp(past, UTC).date().isoformat()
        said = f"has been deprecated and was shut down on {day}. Use `fake-new` instead."
        for name in ("gpt", "fake-chat"):
            for answer in (await chat(client, name), await client.get(f"/v1/models/{name}")):
                assert answer.status_code == 404
                assert answer.json()["error"] == {
                    "message": f"The model `{name}` {said}",
                    "type": "invalid_request_error",
                    "param": None,
                    "code": "model_not_found",
                }
        assert [one["id"] for one in (await client.get("/v1/models")).json()["data"]] == [
            "fake-new",
            "fake-speech",
        ]
        await operator.post(f"{ORG}/model_aliases", json={"alias": "gpt", "snapshot": "fake-new"})
        assert await who(client) == "fake-new"


REFUSED: tuple[tuple[str, dict[str, Any], int, str | None], ...] = (
    ("model_aliases", {"alias": "gpt", "snapshot": "nobody"}, 404, "model_not_found"),
    ("model_aliases", {"alias": "gpt", "snapshot": "fake-new", "effective_from": 1}, 400, None),
    ("model_aliases", {"alias": "gpt", "snapshot": "fake-speech"}, 400, None),
    ("model_aliases", {"alias": "g" * 201, "snapshot": "fake-new"}, 400, None),
    ("model_aliases/rollback", {"alias": "nobody"}, 404, "model_not_found"),
    ("model_deprecations", {"model": "nobody"}, 404, "model_not_found"),
    ("model_deprecations", {"model": "gpt", "deprecated_from": 9, "shutdown_at": 8}, 400, None),
)


async def test_what_can_not_be_is_refused(tenants: Tenants) -> None:
    async with tenants.client(tenants.first.keys.owner) as operator:
        for path, body, status, code in REFUSED:
            answer = await operator.post(f"{ORG}/{path}", json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), body


async def test_a_dated_alias_never_moves(tenants: Tenants) -> None:
    async with tenants.client(tenants.first.keys.owner) as operator:
        for snapshot, status in (("fake-chat", 200), ("fake-new", 400)):
            body = {"alias": "gpt-0301", "snapshot": snapshot}
            answer = await operator.post(f"{ORG}/model_aliases", json=body)
            assert answer.status_code == status
        assert answer.json()["error"]["code"] == "alias_is_dated"


async def test_openais_client_reads_a_shutdown_date(make_world: MakeWorld) -> None:
    world = make_world()
    catalogue = world.services.router.catalogue
    end = Deprecation("gpt-3.5-turbo", 0, 4_000_000_000 * SECOND)
    catalogue.follow(replace(catalogue.names, deprecations={"gpt-3.5-turbo": end}))
    async with world.serve() as url, openai.AsyncOpenAI(base_url=url, api_key="sk-test") as client:
        assert (await client.models.retrieve("gpt-3.5-turbo")).shutdown_date == "2096-10-02"
        assert (await client.models.retrieve("fake-chat")).shutdown_date is None


def _files_of(tenants: Tenants, name: str) -> Path:
    services = tenants.app.state.services
    snapshot = services.router.catalogue.resolve(name)
    folder: Path = folder_for(snapshot, services.models_dir)
    folder.mkdir(parents=True)
    return folder
