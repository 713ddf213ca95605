"""The console's door: who comes in, how a session looks from outside, and what ends it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select, update

from sayso.api.application import create_api
from sayso.api.console.attempts import ATTEMPTS, Attempts
from sayso.api.console.pages import PAGES
from sayso.tenancy.admin_keys import create_admin_key, revoke_admin_key
from sayso.tenancy.api_keys import list_keys, revoke_key
from sayso.tenancy.audit import AuditFilter, list_audit_logs
from sayso.tenancy.console_links import create_console_link
from sayso.tenancy.console_sessions import SessionLimits, Sessions
from sayso.tenancy.console_tables import ConsoleLink, ConsoleSession
from sayso.tenancy.key_format import digest
from sayso.tenancy.paging import Cut
from sayso.tenancy.tables import Membership
from tests.integration.api.browsing import Browser, sign_in
from tests.integration.api.conftest import MakeWorld
from tests.integration.api.tenants import PEPPER, Tenants, two_tenants
from tests.postgresql_server import PostgresqlServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORG = "/console/v1/organization"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tenants(make_world: MakeWorld, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Tenants]:
    folder = tmp_path_factory.mktemp("console")
    async with two_tenants(make_world().services, f"sqlite:///{folder / 'sayso.db'}") as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def browser(tenants: Tenants) -> AsyncIterator[Browser]:
    """Somebody who is signed in as an owner of the first organization, with a key of their own."""
    key = await create_admin_key(tenants.accounts, tenants.first.owner, "console")
    async with tenants.client(None) as client:
        yield await sign_in(client, key=key.secret)


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch, tenants: Tenants) -> None:
    """Look a session up each time, so that a test need not wait for half a second; forgive all attempts."""
    monkeypatch.setattr("sayso.tenancy.pass_cache.CACHE_SECONDS", 0.0)
    tenants.app.state.attempts = Attempts()


async def _refused(tenants: Tenants, **form: str) -> httpx.Response:
    async with tenants.client(None) as client:
        answer = await client.post("/console/sign-in", data=form)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    return answer


async def _lapse(tenants: Tenants, **values: datetime) -> None:
    async with tenants.accounts.db.transaction() as session:
        await session.execute(update(ConsoleSession).values(**values))


async def _session(tenants: Tenants, browser: Browser) -> ConsoleSession:
    async with tenants.accounts.db.read() as session:
        return await session.get_one(ConsoleSession, digest(PEPPER, browser.token))


async def test_pages_are_for_who_is_signed_in(tenants: Tenants, browser: Browser) -> None:
    async with tenants.client(None) as stranger:
        for page in PAGES.values():
            answer = await stranger.get(page.path)
            assert answer.status_code == 303
            assert answer.headers["location"] == f"/console/sign-in?to={page.path}"
            shown = await browser.client.get(page.path)
            assert shown.status_code == 200, page.name
            assert browser.csrf in shown.text


async def test_the_cookie_is_the_browsers_alone(tenants: Tenants) -> None:
    async with tenants.client(None) as client:
        answer = await client.post("/console/sign-in", data={"key": tenants.first.keys.owner})
    cookie = answer.headers["set-cookie"].lower()
    assert {"httponly", "samesite=strict", "path=/console", "max-age=43200"} <= set(cookie.split("; "))
    assert "secure" not in cookie.split("; ")
    transport = httpx.ASGITransport(tenants.app)
    async with httpx.AsyncClient(transport=transport, base_url="https://sayso") as client:
        answer = await client.post("/console/sign-in", data={"key": tenants.first.keys.owner})
    assert "secure" in answer.headers["set-cookie"].lower().split("; ")


async def test_the_database_does_not_have_the_token(tenants: Tenants, browser: Browser) -> None:
    found = await _session(tenants, browser)
    assert browser.token.encode() not in found.digest
    async with tenants.accounts.db.read() as session:
        rows = (await session.execute(select(ConsoleSession.__table__))).all()
    assert browser.token not in str(rows)


@pytest.mark.parametrize(
    "kind", ["project", "admin_revoked", "admin_expired", "revoked", "nonsense", "empty"]
)
async def test_other_keys_do_not_open_it(tenants: Tenants, kind: str) -> None:
    odd = {"nonsense": "sk-sayso-admin-ü\x00<b>", "empty": ""}
    key = odd[kind] if kind in odd else str(getattr(tenants.first.keys, kind))
    answer = await _refused(tenants, key=key)
    assert "admin key" in answer.text
    assert not key or key not in answer.text


async def test_a_link_signs_in_once(tenants: Tenants) -> None:
    link = await create_console_link(tenants.accounts, tenants.first.owner)
    async with tenants.client(None) as client:
        browser = await sign_in(client, link=link)
        assert (await client.get(f"{ORG}/projects")).status_code == 200
        assert (await browser.post(f"{ORG}/projects", {"name": "new"})).status_code == 200
    await _refused(tenants, link=link)


async def test_a_link_is_good_for_15_minutes(tenants: Tenants) -> None:
    link = await create_console_link(tenants.accounts, tenants.first.owner)
    async with tenants.accounts.db.transaction() as session:
        row = await session.get_one(ConsoleLink, digest(PEPPER, link))
        assert timedelta(minutes=14) < row.expires_at - datetime.now(UTC) <= timedelta(minutes=15)
        row.expires_at = datetime.now(UTC) - timedelta(seconds=1)
    await _refused(tenants, link=link)
    await _refused(tenants, link="ü")


async def test_a_change_needs_the_pages_token(browser: Browser) -> None:
    body = {"name": "new"}
    bare = await browser.client.post(f"{ORG}/projects", json=body)
    wrong = await browser.client.post(f"{ORG}/projects", json=body, headers={"x-csrf-token": "0" * 64})
    for answer in (bare, wrong):
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "csrf_token_mismatch"
    assert (await browser.post(f"{ORG}/projects", body)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.test"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://sayso"},
    ],
)
async def test_other_sites_change_nothing(
    tenants: Tenants, browser: Browser, headers: dict[str, str]
) -> None:
    answer = await browser.post(f"{ORG}/projects", {"name": "new"}, **headers)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "cross_origin_request"
    refused = await browser.client.post(
        "/console/sign-in", data={"key": tenants.first.keys.owner}, headers=headers
    )
    assert refused.status_code == 403
    assert "set-cookie" not in refused.headers


async def test_its_own_pages_do(browser: Browser) -> None:
    for headers in ({"origin": "http://sayso"}, {"sec-fetch-site": "same-origin", "origin": "http://sayso"}):
        assert (await browser.post(f"{ORG}/projects", {"name": "new"}, **headers)).status_code == 200


async def test_a_key_beside_the_session_counts_for_nothing(tenants: Tenants, browser: Browser) -> None:
    headers = {"authorization": f"Bearer {tenants.second.keys.owner}"}
    found = (await browser.client.get(f"{ORG}/projects", headers=headers)).json()["data"]
    assert tenants.first.ids["project_id"] in [one["id"] for one in found]
    async with tenants.client(tenants.first.keys.owner) as client:
        answer = await client.get(f"{ORG}/projects")
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "not_signed_in")


async def test_the_session_opens_only_the_console(browser: Browser) -> None:
    assert (await browser.client.get("/v1/organization/projects")).status_code == 401
    cookie = {"cookie": f"sayso_console={browser.token}"}
    assert (await browser.client.get("/v1/organization/projects", headers=cookie)).status_code == 401


async def test_a_revoked_key_ends_its_session(tenants: Tenants, browser: Browser) -> None:
    assert (await browser.client.get(f"{ORG}/projects")).status_code == 200
    key_id = (await _session(tenants, browser)).admin_key_id
    assert key_id is not None
    await revoke_admin_key(tenants.accounts.db, tenants.first.owner, key_id)
    assert (await browser.client.get(f"{ORG}/projects")).status_code == 401
    assert (await browser.client.get("/console")).status_code == 303


async def test_who_leaves_the_organization_is_out(tenants: Tenants) -> None:
    link = await create_console_link(tenants.accounts, tenants.first.owner)
    async with tenants.client(None) as client:
        await sign_in(client, link=link)
        async with tenants.accounts.db.transaction() as session:
            member = (tenants.first.owner.org_id, tenants.first.owner.user_id)
            left = await session.get_one(Membership, member)
            back = Membership(
                organization_id=member[0], user_id=member[1], role=left.role, added_at=left.added_at
            )
            await session.delete(left)
        assert (await client.get(f"{ORG}/projects")).status_code == 401
        async with tenants.accounts.db.transaction() as session:
            session.add(back)


async def test_it_ends_after_12_hours_and_after_2_idle_ones(tenants: Tenants, browser: Browser) -> None:
    now = datetime.now(UTC)
    idle = SessionLimits().idle
    await _lapse(tenants, used_at=now - idle + timedelta(minutes=1))
    assert (await browser.client.get(f"{ORG}/projects")).status_code == 200
    assert (await _session(tenants, browser)).used_at > now - timedelta(minutes=1)
    await _lapse(tenants, used_at=now - idle)
    assert (await browser.client.get(f"{ORG}/projects")).status_code == 401
    await _lapse(tenants, used_at=now, expires_at=now)
    assert (await browser.client.get(f"{ORG}/projects")).status_code == 401


async def test_revoked_keys_are_listed_for_their_names(tenants: Tenants, browser: Browser) -> None:
    project = tenants.first.ids["project_id"]
    made = (await browser.post("/console/keys", {"project_id": project, "name": "short-lived"})).json()
    keys = f"{ORG}/projects/{project}/api_keys"
    assert (
        await browser.client.delete(f"{keys}/{made['id']}", headers={"x-csrf-token": browser.csrf})
    ).is_success

    async def named(**query: str) -> list[dict[str, Any]]:
        found = (await browser.client.get(keys, params={"limit": "100", **query})).json()["data"]
        return [one for one in found if one["id"] == made["id"]]

    assert await named() == []
    (one,) = await named(include_revoked="true")
    assert one["name"] == "short-lived"
    assert one["revoked_at"] >= made["created_at"]


async def test_what_a_page_asks_by_itself_does_not_prolong_it(tenants: Tenants, browser: Browser) -> None:
    long_ago = datetime.now(UTC) - SessionLimits().idle + timedelta(minutes=1)
    await _lapse(tenants, used_at=long_ago)
    unattended = {"x-unattended": "1"}
    assert (await browser.client.get(f"{ORG}/projects", headers=unattended)).status_code == 200
    assert (await _session(tenants, browser)).used_at == long_ago
    assert (await browser.client.get(f"{ORG}/projects")).status_code == 200
    assert (await _session(tenants, browser)).used_at > long_ago


async def test_settings_say_how_long_it_lasts(
    tenants: Tenants, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = SessionLimits(timedelta(hours=1), timedelta(minutes=10))
    monkeypatch.setattr(tenants.app.state.services.sessions, "limits", limits)
    async with tenants.client(None) as client:
        other = await sign_in(client, key=tenants.first.keys.owner)
        session = await _session(tenants, other)
        assert session.expires_at - session.created_at == limits.life
    await _lapse(tenants, used_at=datetime.now(UTC) - limits.idle)
    assert (await browser.client.get(f"{ORG}/projects")).status_code == 401


async def test_signing_out_ends_it(tenants: Tenants, browser: Browser) -> None:
    assert (await browser.client.post("/console/sign-out")).status_code == 403
    answer = await browser.post("/console/sign-out", {})
    assert answer.status_code == 204
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    cookie = {"cookie": f"sayso_console={browser.token}"}
    assert (await browser.client.get(f"{ORG}/projects", headers=cookie)).status_code == 401
    cut = Cut(2, None, None, "desc")
    wanted = AuditFilter(event_types=("login.succeeded", "logout.succeeded"))
    events = await list_audit_logs(tenants.accounts.db, tenants.first.owner.org_id, wanted, cut)
    assert [event.type for event in events.items] == ["logout.succeeded", "login.succeeded"]
    assert events.items[1].details == {"data": {"method": "api_key"}}
    assert len({event.actor_key_id for event in events.items} - {None}) == 1


async def test_a_reader_reads(tenants: Tenants) -> None:
    async with tenants.client(None) as client:
        browser = await sign_in(client, key=tenants.first.keys.reader)
        assert (await client.get(f"{ORG}/projects")).status_code == 200
        assert (await browser.post(f"{ORG}/projects", {"name": "new"})).status_code == 403
        body = {"project_id": tenants.first.ids["project_id"], "name": "new"}
        assert (await browser.post("/console/keys", body)).status_code == 403


async def test_an_address_that_fails_often_has_to_wait(tenants: Tenants) -> None:
    for _ in range(ATTEMPTS):
        await _refused(tenants, key="wrong")
    async with tenants.client(None) as client:
        answer = await client.post("/console/sign-in", data={"key": tenants.first.keys.owner})
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= 301
        tenants.app.state.attempts._clock = lambda: 1e12
        await sign_in(client, key=tenants.first.keys.owner)


async def test_no_answer_leads_elsewhere(tenants: Tenants) -> None:
    async with tenants.client(None) as client:
        for to in ("//evil.test", "https://evil.test", "/docs", "/console/../v1", "\\evil"):
            data = {"key": tenants.first.keys.owner, "to": to}
            answer = await client.post("/console/sign-in", data=data)
            assert answer.headers["location"] == "/console"
            answer = await client.get("/console/language/zh", params={"to": to})
            assert answer.headers["location"] == "/console"


async def test_a_form_that_is_no_form_is_refused(tenants: Tenants) -> None:
    async with tenants.client(None) as client:
        large = await client.post("/console/sign-in", content=b"key=" + b"a" * 5_000)
        many = await client.post("/console/sign-in", content=b"a=1&" * 50)
        broken = await client.post("/console/sign-in", content=b"key=\xff")
    assert [large.status_code, many.status_code, broken.status_code] == [413, 400, 400]


async def test_a_made_key_is_shown_once_and_works(tenants: Tenants, browser: Browser) -> None:
    project = tenants.first.ids["project_id"]
    body = {"project_id": project, "name": "mine", "expires_in_seconds": 3600, "scopes": ["api.all.read"]}
    made = (await browser.post("/console/keys", body)).json()
    async with tenants.client(made["value"]) as client:
        assert (await client.get("/v1/models")).status_code == 200
        assert (await client.post("/v1/completions", json={})).status_code == 403
    listed = await browser.client.get(f"{ORG}/projects/{project}/api_keys?limit=100")
    assert made["value"] not in listed.text
    assert "mine" in [one["name"] for one in listed.json()["data"]]
    foreign = body | {"project_id": tenants.second.ids["project_id"]}
    assert (await browser.post("/console/keys", foreign)).status_code == 404
    assert (await browser.post("/console/keys", body | {"name": " "})).json()["error"]["param"] == "name"


async def _chat(browser: Browser, project: str | None) -> httpx.Response:
    body: dict[str, Any] = {"model": "fake-chat", "messages": [{"role": "user", "content": "hello"}]}
    return await browser.post(
        "/console/v1/chat/completions", body, **({} if project is None else {"openai-project": project})
    )


async def test_the_playground_calls_with_a_key_of_the_project(tenants: Tenants, browser: Browser) -> None:
    project, db = tenants.first.ids["project_id"], tenants.accounts.db
    org_id = tenants.first.owner.org_id
    missing = await _chat(browser, None)
    assert (missing.status_code, missing.json()["error"]["param"]) == (400, "OpenAI-Project")
    assert (await _chat(browser, tenants.second.ids["project_id"])).status_code == 404
    for _ in range(2):
        assert (await _chat(browser, project)).status_code == 200
    made = [key for key in await list_keys(db, org_id, project) if key.name == "Playground"]  # type: ignore[arg-type]
    assert len(made) == 1
    await revoke_key(db, tenants.first.owner, made[0].project_id, made[0].id)
    assert (await _chat(browser, project)).status_code == 200
    made = [key for key in await list_keys(db, org_id, project) if key.name == "Playground"]  # type: ignore[arg-type]
    assert [key.revoked_at is None for key in made] == [False, True]
    unsafe = await browser.client.post(
        "/console/v1/chat/completions", json={}, headers={"openai-project": project}
    )
    assert unsafe.json()["error"]["code"] == "csrf_token_mismatch"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_two_gateways_know_the_same_sessions(
    make_world: MakeWorld, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path / 'two.db'}"
    if kind == "postgresql":
        server: PostgresqlServer = request.getfixturevalue("postgresql_server")
        url = server.new_database()
    async with two_tenants(make_world().services, url) as one:
        services = one.app.state.services
        other = create_api(replace(services, sessions=Sessions(one.accounts)))
        transport = httpx.ASGITransport(other)
        async with (
            one.client(None) as here,
            httpx.AsyncClient(transport=transport, base_url="http://sayso") as there,
        ):
            link = await create_console_link(one.accounts, one.first.owner)
            browser = await sign_in(here, link=link)
            there.cookies = here.cookies
            assert (await there.get(f"{ORG}/projects")).status_code == 200
            headers = {"x-csrf-token": browser.csrf}
            assert (await there.post("/console/sign-out", headers=headers)).status_code == 204
            cookie = {"cookie": f"sayso_console={browser.token}"}
            assert (await here.get(f"{ORG}/projects", headers=cookie)).status_code == 401
            assert (await there.post("/console/sign-in", data={"link": link})).status_code == 401
            link = await create_console_link(one.accounts, one.first.owner)
            here.cookies.clear()
            there.cookies.clear()
            both = await asyncio.gather(
                *(gateway.post("/console/sign-in", data={"link": link}) for gateway in (here, there) * 5)
            )
            assert sorted(answer.status_code for answer in both) == [303, *[401] * 9]
