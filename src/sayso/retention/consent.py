"""Whether an organization lets its content be used to improve the service: no, unless it has said so."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.ids import OrgId
from sayso.retention.tables import ImprovementConsentRow


@dataclass(frozen=True, slots=True)
class Consent:
    """What an organization has said last; `since` (Unix microseconds) and `actor` are None without."""

    organization_id: OrgId
    opted_in: bool = False
    version: int = 0
    since: int | None = None
    actor: str | None = None

    def covers(self, created_at: int) -> bool:
        """Return whether content of a moment may be used: of before the last opting in, none may."""
        return self.opted_in and self.since is not None and created_at >= self.since


async def get_consent(session: AsyncSession, organization_id: OrgId) -> Consent:
    """Return what an organization has said last."""
    row = ImprovementConsentRow
    query = select(row).where(row.organization_id == organization_id).order_by(row.version.desc())
    found = await session.scalar(query.limit(1))
    if found is None:
        return Consent(organization_id)
    return Consent(organization_id, bool(found.opted_in), found.version, found.since, found.actor)


async def set_consent(
    session: AsyncSession, organization_id: OrgId, opted_in: bool, *, actor: str, now: int
) -> Consent:
    """Opt in or out in the open transaction; the same again changes nothing. `now`: Unix microseconds."""
    before = await get_consent(session, organization_id)
    if before.opted_in == opted_in:
        return before
    session.add(
        ImprovementConsentRow(
            organization_id=organization_id,
            version=before.version + 1,
            opted_in=int(opted_in),
            since=now,
            actor=actor,
        )
    )
    await session.flush()
    return Consent(organization_id, opted_in, before.version + 1, now, actor)


async def opted_in(session: AsyncSession) -> list[Consent]:
    """Return the consent of every organization that lets its content be used now."""
    row = ImprovementConsentRow
    ids = await session.scalars(select(row.organization_id).distinct().order_by(row.organization_id))
    found = [await get_consent(session, OrgId(one)) for one in list(ids)]
    return [one for one in found if one.opted_in]
