"""Whether a project may begin to spend on an instance: not where a hard budget is used up."""

from sqlalchemy.ext.asyncio import AsyncSession

from sayso.billing.budgets import budgets
from sayso.billing.scopes import Scope
from sayso.errors import QuotaExceeded
from sayso.ids import OrgId, ProjectId


async def check_affordable(session: AsyncSession, org_id: OrgId, project_id: ProjectId, now: int) -> None:
    """Raise `QuotaExceeded` where a budget of the project or of its organization is used up.

    `now` is in Unix microseconds.
    """
    for scope in (Scope("project", project_id), Scope("organization", org_id)):
        for one in await budgets(session, scope, now):
            if one.reached:
                raise QuotaExceeded(
                    f"The budget of the {scope.kind} for this {one.interval} is used up: no instance is "
                    "started or made larger until it is raised, or the next one begins."
                )
