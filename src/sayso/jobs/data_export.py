"""Hand out everything that is kept about an organization, and say so in its audit log."""

from collections.abc import Callable
from typing import Any

from sayso.core.caller import AdminCaller
from sayso.db.session import Database
from sayso.ids import ProjectId
from sayso.retention.export import export
from sayso.retention.key_store import KeyStore
from sayso.retention.record_line import as_object
from sayso.tenancy.audit import record

EXPORTED = "content.exported"


async def export_content(
    db: Database,
    keys: KeyStore,
    by: AdminCaller,
    write: Callable[[dict[str, Any]], None],
    *,
    project_id: ProjectId | None = None,
    owner_id: str | None = None,
    end_user: str | None = None,
) -> int:
    """Hand every record to `write`; return how many there were. `end_user` is a tag (`KeyStore.tag`)."""
    records = 0
    async for one in export(db, keys, by.org_id, project_id=project_id, owner_id=owner_id, end_user=end_user):
        write(as_object(one))
        records += 1
    narrowed = {"user_id": owner_id, "end_user": end_user}
    details = {"records": records, **{name: value for name, value in narrowed.items() if value}}
    async with db.transaction() as session:
        await record(session, by, EXPORTED, project_id or by.org_id, {"data": details}, project_id)
    return records
