"""Stricter policies act on what is kept: records get the earlier expiry, a few at a time."""

from collections.abc import Callable

from sqlalchemy import ColumnElement, update

from sayso.db.session import Database
from sayso.retention.clock import DAY
from sayso.retention.marking import mark
from sayso.retention.policies import PolicyVersion, pending
from sayso.retention.policy import RetentionPolicy
from sayso.retention.tables import RetainedRecord, RetentionPolicyRow


async def apply_pending(db: Database, clock: Callable[[], int]) -> int:
    """Apply every version that waits for it; return how many records expire earlier now."""
    async with db.read() as session:
        versions = await pending(session)
    changed = 0
    for version in versions:
        changed += await _shorten(db, version.setting.policy, _covered(version))
        applied = update(RetentionPolicyRow).where(
            RetentionPolicyRow.scope_id == version.scope_id, RetentionPolicyRow.version == version.version
        )
        async with db.transaction() as session:
            await session.execute(applied.values(applied_at=clock()))
    return changed


async def apply_ceiling(db: Database, ceiling_days: int) -> int:
    """Apply the operator's ceiling to what was written under a higher one; return how many records."""
    return await _shorten(db, RetentionPolicy(ceiling_days, ceiling_days), RetainedRecord.created_at > 0)


async def _shorten(db: Database, policy: RetentionPolicy, covered: ColumnElement[bool]) -> int:
    changed = 0
    for stored in (False, True):
        expires_at = RetainedRecord.created_at + policy.days_for(stored=stored) * DAY
        later = covered & (RetainedRecord.stored == int(stored)) & (RetainedRecord.expires_at > expires_at)
        changed += await mark(db, later, expires_at=expires_at)
    return changed


def _covered(version: PolicyVersion) -> ColumnElement[bool]:
    covered = (RetainedRecord.organization_id == version.organization_id) & (
        RetainedRecord.created_at <= version.effective_from
    )
    if version.scope_kind == "project":
        covered = covered & (RetainedRecord.project_id == version.scope_id)
    return covered
