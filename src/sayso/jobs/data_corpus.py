"""Write the improvement corpus, and tell every organization whose content is in it."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from sayso.core.caller import AdminCaller
from sayso.db.session import Database
from sayso.ids import OrgId
from sayso.retention.corpus import corpus
from sayso.retention.key_store import KeyStore
from sayso.tenancy.audit import record
from sayso.tenancy.owners import oldest_owner

EXPORTED = "improvement_corpus.exported"


async def export_corpus(
    db: Database, keys: KeyStore, write: Callable[[dict[str, Any]], None]
) -> dict[OrgId, int]:
    """Hand every record to `write`; return how many there were of each organization.

    Each of them finds that in its audit log.
    """
    counts: Counter[OrgId] = Counter()
    async for one in corpus(db, keys):
        write(one.as_object())
        counts[one.record.organization_id] += 1
    for organization_id, records in counts.items():
        async with db.transaction() as session:
            by: AdminCaller = await oldest_owner(session, organization_id)
            await record(session, by, EXPORTED, organization_id, {"data": {"records": records}})
    return dict(counts)
