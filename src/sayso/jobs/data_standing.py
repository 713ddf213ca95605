"""How an organization stands with its content: what it asks for, what is in force, what is kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from sayso.db.session import Database
from sayso.errors import ObjectNotFound
from sayso.ids import OrgId, ProjectId
from sayso.retention.consent import Consent, get_consent
from sayso.retention.legal_holds import LegalHold, active_holds
from sayso.retention.policies import get_policy, get_setting
from sayso.retention.policy import RetentionPolicy, RetentionSetting
from sayso.retention.standing import KeptSum, LastSweep, kept_sums, last_sweep
from sayso.tenancy.tables import Project


@dataclass(frozen=True, slots=True)
class ProjectStanding:
    """A project: what it asks for, and what is in force for it."""

    id: ProjectId
    name: str
    setting: RetentionSetting
    policy: RetentionPolicy


@dataclass(frozen=True, slots=True)
class DataStanding:
    """An organization; `kept` is by project, class and kind, `holds` are those that last."""

    organization_id: OrgId
    setting: RetentionSetting
    ceiling_days: int
    projects: Sequence[ProjectStanding]
    kept: Sequence[KeptSum]
    holds: Sequence[LegalHold]
    last_sweep: LastSweep | None
    consent: Consent

    @property
    def next_expiry(self) -> int | None:
        """When the first of what is kept expires, in Unix microseconds."""
        return min((one.next_expiry for one in self.kept), default=None)


async def data_standing(
    db: Database,
    organization_id: OrgId,
    project_id: ProjectId | None = None,
    *,
    ceiling_days: int,
    now: int,
) -> DataStanding:
    """Look at an organization, or at one of its projects alone. Raises `ObjectNotFound` for a stranger's."""
    query = select(Project.id, Project.name).where(Project.organization_id == organization_id)
    if project_id is not None:
        query = query.where(Project.id == project_id)
    async with db.read() as session:
        named = list(await session.execute(query.order_by(Project.created_at, Project.id)))
        if project_id is not None and not named:
            raise ObjectNotFound(f"No project found with id '{project_id}'.", param="project_id")
        projects = [
            ProjectStanding(
                one,
                name,
                await get_setting(session, organization_id, one),
                await get_policy(session, organization_id, one, ceiling_days),
            )
            for one, name in named
        ]
        holds = await active_holds(session, organization_id)
        return DataStanding(
            organization_id,
            await get_setting(session, organization_id),
            ceiling_days,
            projects,
            await kept_sums(session, organization_id, holds, now, project_id),
            holds,
            await last_sweep(session),
            await get_consent(session, organization_id),
        )
