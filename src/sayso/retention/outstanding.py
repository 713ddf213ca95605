"""What has been decided about content and is not in its rows yet: readers obey it at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from sayso.ids import OrgId
from sayso.retention.erasure import ErasureMark, subjects_of, waiting_erasures
from sayso.retention.legal_holds import LegalHold, active_holds, is_held
from sayso.retention.policies import PolicyVersion, expiry, pending
from sayso.retention.tables import RetainedRecord


@dataclass(frozen=True, slots=True)
class Outstanding:
    """Policies and erasures that the sweep has not applied to rows, and the legal holds that last."""

    versions: Sequence[PolicyVersion] = ()
    erasures: Sequence[ErasureMark] = ()
    holds: Sequence[LegalHold] = ()

    @classmethod
    async def load(cls, session: AsyncSession, organization_id: OrgId) -> "Outstanding":
        """Read what is outstanding for an organization."""
        return cls(
            await pending(session, organization_id),
            await waiting_erasures(session, organization_id),
            await active_holds(session, organization_id),
        )

    def expires_at(self, row: RetainedRecord) -> int:
        """Return when a record expires."""
        stored = bool(row.stored)
        return expiry(self.versions, row.project_id, row.created_at, row.expires_at, stored=stored)

    def erased(self, row: RetainedRecord) -> bool:
        """Return whether a record counts as gone."""
        if row.erased_at is not None or not self.erasures:
            return row.erased_at is not None
        subjects = subjects_of(row)
        return any(one.covers(subjects, row.created_at) for one in self.erasures)

    def held(self, row: RetainedRecord) -> bool:
        """Return whether a legal hold covers a record."""
        return is_held(self.holds, row.organization_id, row.project_id)
