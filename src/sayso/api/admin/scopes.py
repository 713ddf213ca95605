"""Whose money or limits a path speaks of: the organization's, or those of one of its projects."""

from typing import Annotated

from fastapi import Depends

from sayso.api.deps import AccountsDep, AdminDep
from sayso.billing.spend_limits import Scope
from sayso.ids import ProjectId
from sayso.tenancy.project_lookup import find_project


async def _organization(admin: AdminDep) -> Scope:
    return Scope("organization", admin.org_id)


async def _project(project_id: str, admin: AdminDep, accounts: AccountsDep) -> Scope:
    """Find the project. Raises `ObjectNotFound` for a stranger's as for one that does not exist."""
    async with accounts.db.read() as session:
        found = await find_project(session, admin.org_id, ProjectId(project_id))
        return Scope("project", found.id)


OrganizationScope = Annotated[Scope, Depends(_organization)]
ProjectScope = Annotated[Scope, Depends(_project)]


def scope_project(scope: Scope) -> ProjectId | None:
    """Return the project, None for an organization."""
    return ProjectId(scope.id) if scope.kind == "project" else None
