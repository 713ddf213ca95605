"""A machine's instances as the database has them, read again only when they may have changed."""

from collections.abc import Collection
from dataclasses import replace

from sayso.db.session import Database
from sayso.dedicated import store
from sayso.dedicated.store import Kept
from sayso.ids import InstanceId, OrgId, ProjectId
from sayso.tenancy.project_lookup import archived


class Living:
    """The instances of one machine that are not terminated, and which of their projects are archived.

    What others write is noticed by the database's revisions; what this process writes is to be told by
    `forget`, and when hosts were seen by `saw`, which moves no revision.
    """

    def __init__(self, db: Database, node: str) -> None:
        self._db = db
        self._node = node
        self._revision: int | None = None
        self._written = 0
        self._kept: list[Kept] = []
        self.archived: frozenset[ProjectId] = frozenset()
        self.owners: dict[InstanceId, OrgId] = {}

    def forget(self) -> None:
        """Have the next look read the database: something was written here."""
        self._written += 1
        self._revision = None

    async def look(self) -> list[Kept]:
        """Return the instances. Raises `StorageUnavailable`."""
        now = self._db.revisions.seen("instances")  # first: what is written meanwhile is read at the next
        if now is None or now != self._revision:
            written = self._written
            async with self._db.read() as session:
                self._kept = await store.living_on(session, self._node)
                self.archived = await archived(session, {one.instance.project_id for one in self._kept})
            self.owners = {one.instance.id: one.instance.organization_id for one in self._kept}
            self._revision = now if written == self._written else None
        return self._kept

    def saw(self, up: Collection[InstanceId], now: int) -> list[Kept]:
        """Take it that these hosts were written down as seen at `now`, and return all instances so."""
        self._kept = [
            replace(one, seen_at=max(one.seen_at, now)) if one.instance.id in up else one
            for one in self._kept
        ]
        return self._kept
