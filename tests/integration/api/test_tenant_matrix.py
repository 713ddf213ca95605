"""Every route of the OpenAPI document against every kind of caller; a route without a row fails."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Literal

import httpx
import pytest

from sayso.tenancy.audit import AuditFilter, list_audit_logs
from sayso.tenancy.paging import Cut
from tests.integration.api.conftest import MakeWorld
from tests.integration.api.route_rows import ORG, PROJECT, ROWS, Row
from tests.integration.api.tenants import Tenant, Tenants, store_completions, two_tenants
from tests.postgresql_server import PostgresqlServer

Door = Literal["project", "admin"]
MISSING = "aaaaaaaaaaaaaaaaaaaaaaaa"


# Names in a path that are not of a tenant's objects.
NO_ID = {"model", "kind", "rate_limit_id", "interval", "month", "snapshot"}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'sayso.db'}"
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    return server.new_database()


@pytest.fixture
async def tenants(make_world: MakeWorld, url: str) -> AsyncIterator[Tenants]:
    async with two_tenants(make_world().services, url) as made:
        await store_completions(made)
        yield made


def routes(door: Door) -> Iterator[tuple[str, str, Row]]:
    for (method, path), row in ROWS.items():
        if path.startswith(ORG) == (door == "admin"):
            yield method, path, row


def names(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{") and part[1:-1] not in NO_ID]


async def ask(
    client: httpx.AsyncClient, method: str, path: str, row: Row, ids: dict[str, str]
) -> httpx.Response:
    filled = {**ids, **{name: ids.get(other, other) for name, other in row.ids.items()}}
    body = None
    if row.body is not None:
        body = {
            name: value.format(**filled) if isinstance(value, str) else value
            for name, value in row.body.items()
        }
    return await client.request(method, path.format(**filled) + row.query, json=body)


async def statuses(tenants: Tenants, door: Door, key: str | None) -> dict[tuple[str, str], tuple[int, str]]:
    """Every route of a door with the first organization's ids: status and code."""
    found = {}
    async with tenants.client(key) as client:
        for method, path, row in routes(door):
            answer = await ask(client, method, path, row, tenants.first.ids)
            code = answer.json().get("error", {}).get("code") if answer.status_code >= 400 else ""
            found[method, path] = (answer.status_code, code)
    return found


async def changes(tenants: Tenants) -> int:
    page = await list_audit_logs(
        tenants.accounts.db, tenants.first.owner.org_id, AuditFilter(), Cut(limit=1000)
    )
    return len(page.items)


async def test_every_route_has_a_row(tenants: Tenants) -> None:
    paths = tenants.app.openapi()["paths"]
    served = {
        (method.upper(), path.replace(":path}", "}")) for path, methods in paths.items() for method in methods
    }
    assert {route for route in served if route[1].startswith("/v1/")} == set(ROWS)


async def test_an_owner_may_do_everything(tenants: Tenants) -> None:
    """In the order of the rows: what ends an object comes after what needs it."""
    found = await statuses(tenants, "project", tenants.first.keys.project)
    found |= await statuses(tenants, "admin", tenants.first.keys.owner)
    assert {route: status for route, (status, _) in found.items()} == {
        route: row.owner for route, row in ROWS.items()
    }


@pytest.mark.parametrize("door", ["project", "admin"])
@pytest.mark.parametrize("state", ["none", "unknown", "revoked", "expired", "archived"])
async def test_without_a_good_key_nothing_answers(tenants: Tenants, door: Door, state: str) -> None:
    keys = tenants.first.keys
    states: dict[str, list[str | None]] = {
        "none": [None],
        "unknown": ["sk-sayso-" + "x" * 51, "sk-sayso-admin-' OR 1=1 --"],
        "revoked": [keys.revoked, keys.admin_revoked],
        "expired": [keys.expired, keys.admin_expired],
        "archived": [keys.archived],
    }
    before = await changes(tenants)
    for key in states[state]:
        found = await statuses(tenants, door, key)
        code = None if key is None else "invalid_api_key"
        assert set(found.values()) == {(401, code)}
    assert await changes(tenants) == before


@pytest.mark.parametrize("door", ["project", "admin"])
async def test_a_key_of_the_other_kind_is_refused(tenants: Tenants, door: Door) -> None:
    keys = tenants.first.keys
    before = await changes(tenants)
    for key in (keys.owner, keys.reader) if door == "project" else (keys.project, keys.read_only):
        found = await statuses(tenants, door, key)
        assert set(found.values()) == {(403, "insufficient_permissions")}
    assert await changes(tenants) == before


@pytest.mark.parametrize("door", ["project", "admin"])
async def test_who_may_read_only_reads(tenants: Tenants, door: Door) -> None:
    keys = tenants.first.keys
    before = await changes(tenants)
    found = await statuses(tenants, door, keys.reader if door == "admin" else keys.read_only)
    for (method, path), answer in found.items():
        if method == "GET":
            assert answer[0] == 200, (method, path, answer)
        else:
            assert answer == (403, "insufficient_permissions"), (method, path, answer)
    assert await changes(tenants) == before


async def test_a_strangers_id_answers_like_one_that_does_not_exist(tenants: Tenants) -> None:
    before = await changes(tenants)
    async with tenants.client(tenants.second.keys.owner) as stranger:
        for method, path, row in routes("admin"):
            for name in names(path):
                await _assert_unknown(stranger, method, path, row, name, tenants.first, tenants.second)
    assert await changes(tenants) == before


async def _assert_unknown(
    client: httpx.AsyncClient, method: str, path: str, row: Row, name: str, foreign: Tenant, own: Tenant
) -> None:
    """Swap one id of the caller's own for a foreign one, and for one that nobody has: twice the same."""
    source = row.ids.get(name, name)
    prefix = foreign.ids[source].rpartition("_")[0]
    answers = []
    for swapped in (foreign.ids[source], f"{prefix}_{MISSING}"):
        answer = await ask(client, method, path, row, {**own.ids, source: swapped})
        assert answer.status_code == 404, (method, path, name, answer.text)
        headers = {one: answer.headers[one] for one in answer.headers if one not in VARYING}
        answers.append((answer.text.replace(swapped, "ID"), headers))
    assert answers[0] == answers[1], (method, path, name)


VARYING = {"x-request-id", "openai-processing-ms"}


async def test_another_projects_object_is_unknown_too(tenants: Tenants) -> None:
    before = await changes(tenants)
    async with tenants.client(tenants.first.keys.owner) as client:
        for method, path, row in routes("admin"):
            if path.startswith(PROJECT) and len(names(path)) > 1:
                ids = {**tenants.first.ids, "project_id": tenants.first.elsewhere}
                answer = await ask(client, method, path, row, ids)
                assert answer.status_code == 404, (method, path, answer.text)
    assert await changes(tenants) == before


async def test_lists_hold_nothing_of_a_stranger(tenants: Tenants) -> None:
    foreign = {
        *tenants.first.ids.values(),
        tenants.first.owner.org_id,
        tenants.first.owner.user_id,
        tenants.first.elsewhere,
    }
    async with tenants.client(tenants.second.keys.owner) as stranger:
        for method, path, row in routes("admin"):
            if method == "GET":
                answer = await ask(stranger, method, path, row, tenants.second.ids)
                assert answer.status_code == 200, (path, answer.text)
                assert not [one for one in foreign if one in answer.text], path
