"""Two organizations in a real database, with one of everything in each, behind the whole application."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from fastapi import FastAPI
from sqlalchemy import update

from sayso.api.application import create_api
from sayso.api.services import Services
from sayso.billing.ledger import Ledger
from sayso.billing.price_book import ensure_launch_prices
from sayso.catalog.name_watch import NameWatch
from sayso.core.caller import AdminCaller, Caller, ModelPermission
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.dedicated.capacity import register
from sayso.dedicated.configuration import Share
from sayso.dedicated.service import Instances
from sayso.ids import ProjectId, UserId, new_user_id
from sayso.inference.keeping import Keeper
from sayso.retention.receipts import append_receipt
from sayso.retention.service import Retention
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.admin_keys import create_admin_key, revoke_admin_key
from sayso.tenancy.api_keys import create_key, revoke_key
from sayso.tenancy.authentication import Authenticator, check_headers
from sayso.tenancy.console_sessions import Sessions
from sayso.tenancy.invites import create_invite
from sayso.tenancy.key_tables import AdminApiKey, ApiKey
from sayso.tenancy.model_permissions import set_model_permission
from sayso.tenancy.project_keys import update_project_key
from sayso.tenancy.project_users import add_project_user
from sayso.tenancy.projects import archive_project, create_project
from sayso.tenancy.service import add_organization
from sayso.tenancy.service_accounts import create_service_account
from sayso.tenancy.tables import Membership, User
from tests.integration.api.conftest import CHAT
from tests.integration.api.route_rows import INSTANCE, SPEND_ALERT, SPEND_LIMIT, STORED

PEPPER = bytes(range(32))


@dataclass(frozen=True)
class Keys:
    """Secrets of keys in every state."""

    owner: str
    reader: str
    admin_revoked: str
    admin_expired: str
    project: str
    read_only: str
    revoked: str
    expired: str
    archived: str


@dataclass(frozen=True)
class Tenant:
    """An organization; `ids` has an id for each name in a path, `elsewhere` is a second project."""

    owner: AdminCaller
    keys: Keys
    ids: dict[str, str]
    elsewhere: str


@dataclass(frozen=True)
class Tenants:
    """The application with both organizations."""

    app: FastAPI
    accounts: Accounts
    first: Tenant
    second: Tenant

    def client(self, key: str | None) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://sayso", headers=headers)


@asynccontextmanager
async def two_tenants(services: Services, url: str) -> AsyncIterator[Tenants]:
    """Put real accounts, in the database at `url`, under `services`."""
    async with Database.open(url) as db, AsyncExitStack() as stack:
        await migrate(db)
        await ensure_launch_prices(db)
        ledger = Ledger.open(db)
        accounts = Accounts(db, PEPPER)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        retention = await Retention.open(db, folder / "retention-keys")
        stack.push_async_callback(retention.close)
        retention.start()
        authenticator = Authenticator(db, PEPPER)

        async def check(caller: Caller | AdminCaller, organization: str | None, project: str | None) -> None:
            check_headers(caller, organization, project)

        async def slug(caller: Caller | AdminCaller) -> str:
            return authenticator.organization_slug(caller)

        real = replace(
            services,
            authenticate=authenticator.authenticate,
            authenticate_admin=authenticator.authenticate_admin,
            accounts=accounts,
            journal=ledger,
            check_account=check,
            organization_slug=slug,
            retention=retention,
            keeper=Keeper(retention.store),
            names=NameWatch(db, services.router.catalogue),
            models_dir=folder / "models",
            sessions=Sessions(accounts),
            instances=Instances(db, lambda model: CHAT),
        )
        async with db.transaction() as session:
            await register(session, "main", Share(8, 8_000), Share(1, 1_000), 1)
        made = Tenants(
            create_api(real),
            accounts,
            await _tenant(accounts, "default"),
            await _tenant(accounts, "second"),
        )
        for tenant in (made.first, made.second):
            async with made.client(tenant.keys.owner) as owner:
                await _set_limits(owner, tenant)
                await _ask_about_data(owner, tenant, accounts.db)
                made_one = await owner.post(
                    "/v1/organization/instances",
                    json=INSTANCE | {"project_id": tenant.ids["project_id"], "name": "first"},
                )
                tenant.ids["instance_id"] = made_one.json()["id"]
        try:
            yield made
        finally:
            await ledger.close()


async def store_completions(made: Tenants) -> None:
    """Give each organization a stored completion."""
    for tenant in (made.first, made.second):
        async with made.client(tenant.keys.project) as member:
            stored = await member.post("/v1/chat/completions", json=STORED)
            tenant.ids["completion_id"] = stored.json()["id"]


async def _tenant(accounts: Accounts, slug: str) -> Tenant:
    db = accounts.db
    async with db.transaction() as session:
        owner = await add_organization(session, slug, slug)
    project = await create_project(db, owner, "here")
    elsewhere = await create_project(db, owner, "elsewhere")
    member = await add_member(accounts, owner, f"member@{slug}.example", "reader")
    await add_project_user(db, owner, project.id, "member", user_id=member)
    account, _ = await create_service_account(accounts, owner, project.id, "robot")
    invite = await create_invite(db, owner, f"guest@{slug}.example", "reader", {})
    await set_model_permission(db, owner, project.id, ModelPermission("deny_list", frozenset({"none"})))
    key = await create_key(db, PEPPER, owner, project.id, "key")
    admin_key = await create_admin_key(accounts, owner, "spare")
    return Tenant(
        owner,
        await _keys(accounts, owner, member, project.id),
        {
            "project_id": project.id,
            "key_id": key.id,
            "admin_key_id": admin_key.key.id,
            "account_id": account.id,
            "user_id": member,
            "invite_id": invite.id,
        },
        elsewhere.id,
    )


async def _set_limits(owner: httpx.AsyncClient, tenant: Tenant) -> None:
    """Give the organization and its project a spend limit and an alert each."""
    project = f"/projects/{tenant.ids['project_id']}"
    for name, path in (("alert_id", ""), ("project_alert_id", project)):
        await owner.post(f"/v1/organization{path}/spend_limit", json=SPEND_LIMIT)
        alert = await owner.post(f"/v1/organization{path}/spend_alerts", json=SPEND_ALERT)
        tenant.ids[name] = alert.json()["id"]


async def _ask_about_data(owner: httpx.AsyncClient, tenant: Tenant, db: Database) -> None:
    """Give the organization a legal hold, a request to erase and a deletion receipt."""
    held = await owner.post("/v1/organization/legal_holds", json={"reason": "an order"})
    erased = await owner.post("/v1/organization/erasures", json={"scope": "user", "id": "user_0"})
    tenant.ids.update(hold_id=held.json()["id"], erasure_id=erased.json()["id"])
    async with db.transaction() as session:
        receipt = await append_receipt(
            session,
            organization_id=tenant.owner.org_id,
            project_id=tenant.ids["project_id"],
            class_id="K0",
            cause="erased",
            records=(),
            now=1,
        )
    tenant.ids["receipt_id"] = f"receipt_{receipt.number}"


async def add_member(accounts: Accounts, owner: AdminCaller, email: str, role: str) -> UserId:
    """Put a user into an organization, as accepting an invitation does."""
    user = new_user_id()
    now = datetime.now(UTC)
    async with accounts.db.transaction() as session:
        session.add(User(id=user, email=email, name=email, created_at=now))
        await session.flush()
        session.add(Membership(organization_id=owner.org_id, user_id=user, role=role, added_at=now))
    return user


async def _keys(accounts: Accounts, owner: AdminCaller, member: UserId, project: ProjectId) -> Keys:
    db = accounts.db
    admins = {
        name: await create_admin_key(accounts, owner, name)
        for name in ("owner", "admin_revoked", "admin_expired")
    }
    reader = await create_admin_key(accounts, AdminCaller(owner.org_id, member, "reader"), "reader")
    await revoke_admin_key(db, owner, admins["admin_revoked"].key.id)
    keys = {
        name: await create_key(db, PEPPER, owner, project, name)
        for name in ("project", "read_only", "revoked", "expired")
    }
    await revoke_key(db, owner, project, keys["revoked"].id)
    await update_project_key(db, owner, project, keys["read_only"].id, scopes=["api.all.read"])
    closed = await create_project(db, owner, "closed")
    archived = await create_key(db, PEPPER, owner, closed.id, "archived")
    await archive_project(db, owner, closed.id)
    past = datetime.now(UTC) - timedelta(seconds=1)
    async with db.transaction() as session:
        for table, key_id in (
            (AdminApiKey, admins["admin_expired"].key.id),
            (ApiKey, keys["expired"].id),
        ):
            await session.execute(update(table).where(table.id == key_id).values(expires_at=past))
    return Keys(
        reader=reader.secret,
        archived=archived.secret,
        **{name: made.secret for name, made in (admins | keys).items()},
    )
