"""The improvement corpus: content of organizations that have opted in, made since they did, and no other."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.db.session import Database
from sayso.ids import OrgId, ProjectId
from sayso.retention.clock import wall_clock
from sayso.retention.consent import Consent, get_consent, opted_in
from sayso.retention.content import Retained
from sayso.retention.erasure import Erasure, ErasureMark, list_erasures
from sayso.retention.key_store import KeyStore
from sayso.retention.outstanding import Outstanding
from sayso.retention.policies import get_policy
from sayso.retention.policy import DEFAULT_DAYS
from sayso.retention.reading import RetentionReader, Sealed, read_sealed
from sayso.retention.record_line import as_object
from sayso.retention.tables import RetainedRecord

RECORDS = 20  # that are read at once


@dataclass(frozen=True, slots=True)
class CorpusRecord:
    """A record with the policy that it was kept under and the consent that covers it."""

    record: Retained
    policy: str
    consent: Consent

    def as_object(self) -> dict[str, Any]:
        """Return it as JSON values; moments in Unix microseconds."""
        said = {"version": self.consent.version, "since": self.consent.since}
        return {
            **as_object(self.record),
            "object": "corpus.record",
            "policy": self.policy,
            "consent": said,
        }


async def corpus(
    db: Database, keys: KeyStore, *, clock: Callable[[], int] = wall_clock
) -> AsyncIterator[CorpusRecord]:
    """Yield what may be used, organization by organization.

    Consent is asked for again with every few records, so opting out stops an export that is under way. What
    has expired or is erased is left out, legal hold or not. Raises `StorageUnavailable`, `ContentAltered`.
    """
    reader = RetentionReader(db, keys, clock=clock)
    async with db.read() as session:
        organizations = [one.organization_id for one in await opted_in(session)]
    for organization_id in organizations:
        after = ""
        while True:
            async with db.read() as session:
                consent = await get_consent(session, organization_id)
                sealed = await _page(session, consent, after) if consent.opted_in else []
            if not sealed:
                break
            after, now = sealed[-1].row.id, clock()
            policies = {one.row.id: one.row.policy for one in sealed}
            for record in await reader.open(
                [one for one in sealed if one.expires_at > now and not one.erased]
            ):
                yield CorpusRecord(record, policies[record.record_id], consent)


async def _page(session: AsyncSession, consent: Consent, after: str) -> list[Sealed]:
    assert consent.since is not None, "it is opted in"
    query = select(RetainedRecord).where(
        RetainedRecord.organization_id == consent.organization_id,
        RetainedRecord.created_at >= consent.since,
        RetainedRecord.complete == 1,
        RetainedRecord.id > after,
    )
    rows = list(await session.scalars(query.order_by(RetainedRecord.id).limit(RECORDS)))
    return await read_sealed(session, rows, await Outstanding.load(session, consent.organization_id))


@dataclass(slots=True)
class Permission:
    """Tells of records that were exported once whether they may stay in a corpus."""

    session: AsyncSession
    ceiling_days: int = DEFAULT_DAYS
    _consents: dict[str, Consent] = field(default_factory=dict[str, Consent])
    _erasures: dict[str, Sequence[Erasure]] = field(default_factory=dict[str, Sequence[Erasure]])
    _keeps: dict[tuple[str, str], bool] = field(default_factory=dict[tuple[str, str], bool])

    async def lasts(self, line: dict[str, Any]) -> bool:
        """Return whether a line of an export may stay: consent lasts, nothing was erased, no zero retention.

        Raises `KeyError` for a line that no export has written.
        """
        organization_id, project_id = OrgId(line["organization_id"]), ProjectId(line["project_id"])
        if organization_id not in self._consents:
            self._consents[organization_id] = await get_consent(self.session, organization_id)
            self._erasures[organization_id] = await list_erasures(self.session, organization_id)
        if (organization_id, project_id) not in self._keeps:
            policy = await get_policy(self.session, organization_id, project_id, self.ceiling_days)
            self._keeps[organization_id, project_id] = policy.keeps(stored=True)
        erased = any(_covers(one, line) for one in self._erasures[organization_id])
        consent = self._consents[organization_id]
        return consent.covers(line["created_at"]) and self._keeps[organization_id, project_id] and not erased


def _covers(erasure: Erasure, line: dict[str, Any]) -> bool:
    if erasure.scope_kind == "record":
        return erasure.scope_id == str(line["id"])
    mark = ErasureMark(erasure.organization_id, erasure.scope_kind, erasure.scope_id, erasure.requested_at)
    subjects = {
        "organization": line["organization_id"],
        "project": line["project_id"],
        "user": line["owner_id"],
        "end_user": line.get("end_user", ""),
    }
    return mark.covers(subjects, line["created_at"])
