"""People and programs: who joins, what their keys may, and what ends with them; on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, text, update

from sayso.core.caller import AdminCaller, ModelPermission
from sayso.errors import AuthenticationFailed, InvalidRequest, ObjectNotFound
from sayso.ids import InviteId, UserId
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.admin_keys import create_admin_key
from sayso.tenancy.api_keys import create_key
from sayso.tenancy.audit import AuditFilter, Bounds, list_audit_logs
from sayso.tenancy.audit_table import AuditLog
from sayso.tenancy.authentication import Authenticator
from sayso.tenancy.invites import create_invite, delete_invite, get_invite
from sayso.tenancy.joining import accept_invite
from sayso.tenancy.model_permissions import delete_model_permission, set_model_permission
from sayso.tenancy.paging import Cut
from sayso.tenancy.project_keys import list_project_keys, update_project_key
from sayso.tenancy.project_users import list_project_users, remove_project_user
from sayso.tenancy.projects import archive_project, create_project, list_projects, update_project
from sayso.tenancy.service import FirstTenant
from sayso.tenancy.service_accounts import (
    create_account_key,
    create_service_account,
    delete_service_account,
    update_service_account,
)
from sayso.tenancy.tables import Invite
from sayso.tenancy.users import delete_user, get_user, list_users, update_user


def gateway(accounts: Accounts) -> Authenticator:
    """A gateway that has seen no key yet."""
    return Authenticator(accounts.db, accounts.pepper)


async def join(accounts: Accounts, tenant: FirstTenant, role: str = "reader") -> UserId:
    invite = await create_invite(accounts.db, tenant.owner, "Ann@Example.org", role)  # type: ignore[arg-type]
    return await accept_invite(accounts.db, tenant.owner, invite.id, "Ann")


async def test_an_invitation_makes_a_member(both: Accounts, tenant: FirstTenant) -> None:
    ann = await join(both, tenant)
    user = await get_user(both.db, tenant.org_id, ann)
    assert (user.email, user.name, user.role) == ("ann@example.org", "Ann", "reader")
    (member,) = (await list_project_users(both.db, tenant.org_id, tenant.project_id, Cut())).items
    assert (member.id, member.role) == (ann, "member")
    with pytest.raises(InvalidRequest) as caught:
        await create_invite(both.db, tenant.owner, "ann@example.org", "reader")
    assert caught.value.code == "user_already_in_organization"


async def test_an_invitation_counts_once_and_not_for_ever(both: Accounts, tenant: FirstTenant) -> None:
    first = await create_invite(both.db, tenant.owner, "ann@example.org", "owner", {})
    await accept_invite(both.db, tenant.owner, first.id, "Ann")
    assert (await get_invite(both.db, tenant.org_id, first.id)).status(datetime.now(UTC)) == "accepted"
    for refused in (
        accept_invite(both.db, tenant.owner, first.id, "Ann"),
        delete_invite(both.db, tenant.owner, first.id),
    ):
        with pytest.raises(InvalidRequest):
            await refused
    late = await create_invite(both.db, tenant.owner, "bob@example.org", "owner", {})
    async with both.db.transaction() as session:
        await session.execute(
            update(Invite).where(Invite.id == late.id).values(expires_at=datetime.now(UTC) - timedelta(1))
        )
    assert (await get_invite(both.db, tenant.org_id, late.id)).status(datetime.now(UTC)) == "expired"
    with pytest.raises(InvalidRequest):
        await accept_invite(both.db, tenant.owner, late.id, "Bob")


async def test_who_leaves_takes_the_keys_along(both: Accounts, tenant: FirstTenant) -> None:
    ann = AdminCaller(tenant.org_id, await join(both, tenant), "reader")
    key = await create_key(both.db, both.pepper, ann, tenant.project_id, "hers")
    admin_key = await create_admin_key(both, ann, "hers")
    assert (await gateway(both).authenticate(key.secret)).user_id == ann.user_id
    assert (await gateway(both).authenticate_admin(admin_key.secret)).role == "reader"
    await remove_project_user(both.db, tenant.owner, tenant.project_id, ann.user_id)
    with pytest.raises(AuthenticationFailed):
        await gateway(both).authenticate(key.secret)
    (hidden,) = (await list_project_keys(both.db, tenant.org_id, tenant.project_id, Cut(), "inactive")).items
    assert (hidden.id, hidden.access) == (key.id, "inactive")
    await update_user(both.db, tenant.owner, ann.user_id, "owner")  # owners need no place in a project
    await gateway(both).authenticate(key.secret)
    assert (await gateway(both).authenticate_admin(admin_key.secret)).role == "owner"
    await delete_user(both.db, tenant.owner, ann.user_id)
    with pytest.raises(AuthenticationFailed):
        await gateway(both).authenticate(key.secret)
    with pytest.raises(AuthenticationFailed):
        await gateway(both).authenticate_admin(admin_key.secret)
    assert ann.user_id not in [user.id for user in (await list_users(both.db, tenant.org_id, Cut())).items]


async def test_the_last_owner_stays(both: Accounts, tenant: FirstTenant) -> None:
    for refused in (
        delete_user(both.db, tenant.owner, tenant.owner.user_id),
        update_user(both.db, tenant.owner, tenant.owner.user_id, "reader"),
    ):
        with pytest.raises(InvalidRequest) as caught:
            await refused
        assert caught.value.code == "last_owner"


async def test_a_service_accounts_keys_work_as_long_as_it_has_a_role(
    both: Accounts, tenant: FirstTenant
) -> None:
    account, nothing = await create_service_account(
        both, tenant.owner, tenant.project_id, "robot", with_key=False
    )
    assert (account.role, nothing) == ("none", None)
    key = await create_account_key(both, tenant.owner, tenant.project_id, account.id)
    with pytest.raises(AuthenticationFailed):
        await gateway(both).authenticate(key.secret)
    await update_service_account(
        both.db, tenant.owner, tenant.project_id, account.id, name="better", role="member"
    )
    caller = await gateway(both).authenticate(key.secret)
    assert (caller.service_account_id, caller.user_id) == (account.id, None)
    await delete_service_account(both.db, tenant.owner, tenant.project_id, account.id)
    with pytest.raises(AuthenticationFailed):
        await gateway(both).authenticate(key.secret)
    with pytest.raises(ObjectNotFound):
        await create_account_key(both, tenant.owner, tenant.project_id, account.id)


async def test_an_archived_project_is_closed(both: Accounts, tenant: FirstTenant) -> None:
    project = await create_project(both.db, tenant.owner, "short")
    key = await create_key(both.db, both.pepper, tenant.owner, project.id, "k")
    await gateway(both).authenticate(key.secret)
    archived = await archive_project(both.db, tenant.owner, project.id)
    assert await archive_project(both.db, tenant.owner, project.id) == archived
    with pytest.raises(AuthenticationFailed):
        await gateway(both).authenticate(key.secret)
    for refused in (
        create_key(both.db, both.pepper, tenant.owner, project.id, "k"),
        update_project(both.db, tenant.owner, project.id, "n"),
        create_service_account(both, tenant.owner, project.id, "robot"),
    ):
        with pytest.raises(InvalidRequest) as caught:
            await refused
        assert caught.value.code == "project_archived"


async def test_a_key_says_what_its_project_may_use(both: Accounts, tenant: FirstTenant) -> None:
    only = ModelPermission("allow_list", frozenset({"a", "b"}))
    await set_model_permission(both.db, tenant.owner, tenant.project_id, only)
    await set_model_permission(both.db, tenant.owner, tenant.project_id, only)
    assert (await gateway(both).authenticate(tenant.key.secret)).models == only
    await delete_model_permission(both.db, tenant.owner, tenant.project_id)
    assert (await gateway(both).authenticate(tenant.key.secret)).models is None
    with pytest.raises(ObjectNotFound):
        await delete_model_permission(both.db, tenant.owner, tenant.project_id)


async def test_scopes_make_a_key_read_only(both: Accounts, tenant: FirstTenant) -> None:
    change = (both.db, tenant.owner, tenant.project_id, tenant.key.id)
    await update_project_key(*change, scopes=["api.all.read"])
    assert (await gateway(both).authenticate(tenant.key.secret)).read_only
    await update_project_key(*change, scopes=[])
    assert not (await gateway(both).authenticate(tenant.key.secret)).read_only
    with pytest.raises(InvalidRequest) as caught:
        await update_project_key(*change, scopes=["api.everything"])
    assert caught.value.param == "scopes"


async def test_every_change_is_one_event(both: Accounts, tenant: FirstTenant, stranger: AdminCaller) -> None:
    made = await create_admin_key(both, tenant.owner, "automation")
    admin = AdminCaller(tenant.org_id, tenant.owner.user_id, "owner", made.key.id)
    project = await create_project(both.db, admin, "p")
    await update_project(both.db, admin, project.id, "q")
    with pytest.raises(InvalidRequest):
        await update_project(both.db, admin, project.id, " ")
    events = (
        await list_audit_logs(both.db, tenant.org_id, AuditFilter(project_ids=[project.id]), Cut())
    ).items
    assert [event.type for event in events] == ["project.updated", "project.created"]
    assert {(event.actor_key_id, event.actor_email) for event in events} == {
        (made.key.id, "owner@default.invalid")
    }
    assert events[0].project_name == "q"
    by_key = AuditFilter(actor_ids=[made.key.id], event_types=["project.created"])
    assert len((await list_audit_logs(both.db, tenant.org_id, by_key, Cut())).items) == 1
    assert (await list_audit_logs(both.db, stranger.org_id, AuditFilter(), Cut())).items == ()


async def test_events_are_found_by_the_second(both: Accounts, tenant: FirstTenant) -> None:
    event = (await list_audit_logs(both.db, tenant.org_id, AuditFilter(), Cut(limit=1))).items[0]
    at = int(event.effective_at.timestamp())

    async def count(**bounds: int) -> int:
        wanted = AuditFilter(effective_at=Bounds(**bounds), resource_ids=[event.resource_id])
        return len((await list_audit_logs(both.db, tenant.org_id, wanted, Cut())).items)

    for within in ({"gte": at}, {"lte": at}, {"gt": at - 1}, {"lt": at + 1}):
        assert await count(**within) == 1
    for outside in ({"gt": at}, {"lt": at}, {"gte": at + 1}, {"lte": at - 1}):
        assert await count(**outside) == 0


async def test_the_database_keeps_events_as_they_are(both: Accounts, tenant: FirstTenant) -> None:
    for statement in (update(AuditLog).values(type="nothing"), delete(AuditLog)):
        with pytest.raises(Exception, match="append-only"):
            async with both.db.transaction() as session:
                await session.execute(statement)
    async with both.db.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM audit_logs WHERE type = 'nothing'")) == 0
        assert await session.scalar(text("SELECT count(*) FROM audit_logs")) > 0


async def test_pages_meet_without_gap_or_overlap(both: Accounts, tenant: FirstTenant) -> None:
    for number in range(5):
        await create_project(both.db, tenant.owner, f"p{number}")

    async def page(**cut: object) -> tuple[list[str], bool]:
        found = await list_projects(both.db, tenant.org_id, Cut(**cut))  # type: ignore[arg-type]
        return [project.id for project in found.items], found.has_more

    everything, more = await page()
    assert (len(everything), more) == (6, False)
    assert await page(limit=4) == (everything[:4], True)
    assert await page(limit=4, after=everything[3]) == (everything[4:], False)
    assert await page(limit=2, before=everything[3]) == (everything[1:3], True)
    assert await page(limit=2, order="desc") == (everything[:3:-1], True)
    assert await page(limit=6, order="desc", after=everything[2]) == (everything[1::-1], False)
    assert await page(limit=0) == ([], False)
    assert await page(after="proj_nobody") == ([], False)


@pytest.mark.parametrize("email", ["ann", "ann@", "@example.org", "a b@example.org", "ann@example", ""])
async def test_an_address_is_an_address(both: Accounts, tenant: FirstTenant, email: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await create_invite(both.db, tenant.owner, email, "reader")
    assert caught.value.param == "email"


async def test_a_stranger_finds_nobody(both: Accounts, tenant: FirstTenant, stranger: AdminCaller) -> None:
    invite = await create_invite(both.db, tenant.owner, "bob@example.org", "reader", {})
    for refused in (
        get_user(both.db, stranger.org_id, tenant.owner.user_id),
        delete_user(both.db, stranger, tenant.owner.user_id),
        accept_invite(both.db, stranger, invite.id, "Bob"),
        accept_invite(both.db, tenant.owner, InviteId("invite_none"), "Bob"),
        create_invite(both.db, stranger, "bob@example.org", "reader", {tenant.project_id: "owner"}),
        create_key(both.db, both.pepper, stranger, tenant.project_id, "k"),
    ):
        with pytest.raises(ObjectNotFound):
            await refused
