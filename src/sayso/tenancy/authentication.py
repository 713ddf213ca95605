"""From the key that a request shows to the caller that it is."""

import asyncio
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select, update

from sayso.core.caller import Caller
from sayso.db.session import Database
from sayso.errors import AuthenticationFailed
from sayso.ids import KeyId, OrgId
from sayso.tenancy import key_format
from sayso.tenancy.tables import ApiKey, Organization, Project

CACHE_SECONDS = 0.5  # how long a revoked key may still pass
CACHE_ENTRIES = 4096
_NO_DIGEST = bytes(32)


@dataclass(frozen=True, slots=True)
class _Pass:
    caller: Caller
    until: float  # on the monotonic clock


class Authenticator:
    """Verifies keys in a short read, and remembers the good ones for half a second.

    Bad ones are not remembered, so that a new key works at once; a bad checksum costs no read. Requests that
    come with the same key at the same moment share one read.
    """

    def __init__(self, db: Database, pepper: bytes, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._pepper = pepper
        self._clock = clock
        self._passes: dict[bytes, _Pass] = {}
        self._reads: dict[bytes, asyncio.Task[Caller]] = {}
        self._slugs: dict[OrgId, str] = {}
        self._used: dict[KeyId, datetime] = {}

    async def authenticate(self, presented: str) -> Caller:
        """Return whose key this is.

        Raises `AuthenticationFailed` with code `invalid_api_key`; the message shows four characters at either
        end of what was presented.
        """
        lookup_id = key_format.lookup_id(presented)
        if lookup_id is None:
            raise _incorrect(presented)
        now = self._clock()
        digest = key_format.digest(self._pepper, presented)
        known = self._passes.get(digest)
        if known is None or known.until <= now:
            known = _Pass(await self._shared(lookup_id, digest, presented), now + CACHE_SECONDS)
            self._remember(digest, known, now)
        self._used[known.caller.key_id] = datetime.now(UTC)
        return known.caller

    def organization_slug(self, caller: Caller) -> str:
        """Return the slug of the caller's organization, for the `openai-organization` header."""
        return self._slugs[caller.org_id]

    async def flush_last_used(self) -> None:
        """Write when each key was last used, all in one transaction; call it every minute or so, and last."""
        used, self._used = self._used, {}
        if not used:
            return
        async with self._db.transaction() as session:
            for key_id, moment in used.items():
                await session.execute(update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=moment))

    async def _shared(self, lookup_id: str, digest: bytes, presented: str) -> Caller:
        reading = self._reads.get(digest)
        if reading is None:
            reading = asyncio.create_task(self._verify(lookup_id, digest, presented))
            self._reads[digest] = reading
            reading.add_done_callback(lambda _: self._reads.pop(digest))
        # A client that leaves must not cancel the read of the others.
        return await asyncio.shield(reading)

    async def _verify(self, lookup_id: str, digest: bytes, presented: str) -> Caller:
        query = (
            select(ApiKey, Organization.id, Organization.slug)
            .join(Project, Project.id == ApiKey.project_id)
            .join(Organization, Organization.id == Project.organization_id)
            .where(ApiKey.lookup_id == lookup_id)
        )
        async with self._db.read() as session:
            row = (await session.execute(query)).one_or_none()
        # Compared even where there is no such key, so that both take the same time.
        genuine = hmac.compare_digest(digest, row[0].digest if row else _NO_DIGEST)
        if row is None or not genuine or row[0].revoked_at is not None:
            raise _incorrect(presented)
        key, org_id, slug = row
        self._slugs[org_id] = slug
        return Caller(org_id, key.project_id, key.id)

    def _remember(self, digest: bytes, known: _Pass, now: float) -> None:
        if len(self._passes) >= CACHE_ENTRIES:
            self._passes = {one: kept for one, kept in self._passes.items() if kept.until > now}
        if len(self._passes) < CACHE_ENTRIES:
            self._passes[digest] = known


def check_headers(caller: Caller, organization: str | None, project: str | None) -> None:
    """Check the `OpenAI-Organization` and `OpenAI-Project` headers, where sent, against the key.

    Raises `AuthenticationFailed` with code `mismatched_organization` or `mismatched_project`.
    """
    if organization and organization != caller.org_id:
        raise AuthenticationFailed(
            "OpenAI-Organization header should match organization for API key.",
            code="mismatched_organization",
        )
    if project and project != caller.project_id:
        raise AuthenticationFailed(
            "OpenAI-Project header should match project for API key.", code="mismatched_project"
        )


def _incorrect(presented: str) -> AuthenticationFailed:
    return AuthenticationFailed(
        f"Incorrect API key provided: {key_format.mask(presented)}.", code="invalid_api_key"
    )
