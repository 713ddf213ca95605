"""Organizations beside the first: slugs of their own, an admin key, and a trace in two audit logs."""

import asyncio

import pytest

from sayso.core.caller import AdminCaller
from sayso.errors import InvalidRequest, ObjectNotFound
from sayso.ids import OrgId
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.audit import AuditFilter, list_audit_logs
from sayso.tenancy.authentication import Authenticator
from sayso.tenancy.organizations import create_organization, list_organizations
from sayso.tenancy.paging import Cut
from sayso.tenancy.projects import list_projects
from sayso.tenancy.service import FirstTenant, default_project


async def events(accounts: Accounts, org_id: OrgId) -> list[str]:
    page = await list_audit_logs(accounts.db, org_id, AuditFilter(), Cut())
    return [event.type for event in page.items]


async def test_an_organization_has_an_owner_a_project_and_a_key(both: Accounts, tenant: FirstTenant) -> None:
    before = await events(both, tenant.org_id)
    made = await create_organization(both, tenant.owner, "Ärzte & Söhne GmbH")
    assert (made.organization.slug, made.organization.name) == ("rzte-s-hne-gmbh", "Ärzte & Söhne GmbH")
    org_id = made.organization.id
    authenticator = Authenticator(both.db, both.pepper)
    admin = await authenticator.authenticate_admin(made.admin_key.secret)
    assert (admin.org_id, admin.role) == (org_id, "owner")
    assert authenticator.organization_slug(admin) == "rzte-s-hne-gmbh"
    (project,) = (await list_projects(both.db, org_id, Cut())).items
    assert (await default_project(both.db, org_id)).id == project.id
    assert (await default_project(both.db, "rzte-s-hne-gmbh")).org_id == org_id
    assert (await default_project(both.db)).id == tenant.project_id
    assert await events(both, tenant.org_id) == ["organization.created", *before]
    assert sorted(await events(both, org_id)) == ["api_key.created", "organization.created"]
    listed = await list_organizations(both.db)
    assert [(one.slug, one.projects) for one in listed] == [("default", 1), ("rzte-s-hne-gmbh", 1)]


@pytest.mark.parametrize("name", ["Acme", "acme", "ACME!", "  acme"])
async def test_a_name_may_come_twice_a_slug_not(both: Accounts, tenant: FirstTenant, name: str) -> None:
    slugs = [(await create_organization(both, tenant.owner, one)).organization.slug for one in ("Acme", name)]
    assert slugs == ["acme", "acme-2"]
    with pytest.raises(InvalidRequest, match="already"):
        await create_organization(both, tenant.owner, name, "acme-2")


async def test_names_that_make_no_slug_get_one(both: Accounts, tenant: FirstTenant) -> None:
    made = await create_organization(both, tenant.owner, "株式会社")
    assert made.organization.slug == "organization"
    made = await create_organization(both, tenant.owner, "default")
    assert made.organization.slug == "default-2"


@pytest.mark.parametrize("slug", ["", "-a", "a-", "A", "a b", "ä", "a" * 65, "a\n"])
async def test_what_is_no_slug_is_refused(both: Accounts, tenant: FirstTenant, slug: str) -> None:
    with pytest.raises(InvalidRequest):
        await create_organization(both, tenant.owner, "Name", slug)
    assert len(await list_organizations(both.db)) == 1


async def test_many_at_once_get_slugs_of_their_own(both: Accounts, tenant: FirstTenant) -> None:
    made = await asyncio.gather(*(create_organization(both, tenant.owner, "Acme") for _ in range(4)))
    assert sorted(one.organization.slug for one in made) == ["acme", "acme-2", "acme-3", "acme-4"]


async def test_the_key_of_one_is_unknown_to_the_other(both: Accounts, tenant: FirstTenant) -> None:
    made = await create_organization(both, tenant.owner, "Acme")
    owner: AdminCaller = (await default_project(both.db, "acme")).operator
    assert owner.org_id == made.organization.id != tenant.org_id
    with pytest.raises(ObjectNotFound):
        await default_project(both.db, "nobody")
