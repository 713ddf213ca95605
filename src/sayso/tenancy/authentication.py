"""From the key that a request shows to the caller that it is."""

import hmac
import time
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import bindparam, update

from sayso.core.caller import AdminCaller, Caller
from sayso.db.session import Database
from sayso.errors import AuthenticationFailed, PermissionRefused, StorageUnavailable
from sayso.ids import KeyId, OrgId
from sayso.tenancy import key_format
from sayso.tenancy.key_lookup import AdminRow, ProjectRow, find_admin_key, find_project_key
from sayso.tenancy.key_tables import AdminApiKey, ApiKey
from sayso.tenancy.pass_cache import Pass, PassCache

_NO_DIGEST = bytes(32)
_LAST_USED = [
    update(table).where(table.id == bindparam("key")).values(last_used_at=bindparam("moment"))
    for table in (ApiKey, AdminApiKey)
]


class Authenticator:
    """Verifies keys in a short read, and remembers the good ones until something changes in who may what.

    A key that was revoked passes for half a second at most. A bad checksum costs no read.
    """

    def __init__(self, db: Database, pepper: bytes, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._pepper = pepper
        self._callers: PassCache[Caller] = PassCache(clock, self._seen)
        self._admins: PassCache[AdminCaller] = PassCache(clock, self._seen)
        self._slugs: dict[OrgId, str] = {}
        self._used: dict[KeyId, datetime] = {}

    async def authenticate(self, presented: str) -> Caller:
        """Return whose project key this is.

        Raises `AuthenticationFailed` with code `invalid_api_key`; the message shows four characters at either
        end of what was presented. Raises `PermissionRefused` for an admin key.
        """
        if key_format.lookup_id(presented) is None:
            if key_format.lookup_id(presented, key_format.ADMIN_PREFIX) is not None:
                await self.authenticate_admin(presented)
                raise _wrong_kind("An admin key can not call models. Use the key of a project.")
            raise _incorrect(presented)
        digest = key_format.digest(self._pepper, presented)
        caller = await self._callers.get(digest, lambda: self._verify(digest, presented))
        self._used[caller.key_id] = datetime.now(UTC)
        return caller

    async def authenticate_admin(self, presented: str) -> AdminCaller:
        """Return whose admin key this is.

        Raises `AuthenticationFailed` as `authenticate` does, `PermissionRefused` for a project's key.
        """
        if key_format.lookup_id(presented, key_format.ADMIN_PREFIX) is None:
            if key_format.lookup_id(presented) is not None:
                await self.authenticate(presented)
                raise _wrong_kind(
                    "You have insufficient permissions for this operation. "
                    "Missing scopes: api.management.read. Use an admin key."
                )
            raise _incorrect(presented)
        digest = key_format.digest(self._pepper, presented)
        admin = await self._admins.get(digest, lambda: self._verify_admin(digest, presented))
        if admin.key_id is not None:
            self._used[admin.key_id] = datetime.now(UTC)
        return admin

    def organization_slug(self, caller: Caller | AdminCaller) -> str:
        """Return the slug of the caller's organization, for the `openai-organization` header."""
        return self._slugs[caller.org_id]

    async def flush_last_used(self) -> None:
        """Write when each key was last used, all in one transaction; call it every minute or so, and last.

        Raises `StorageUnavailable`; the next call writes it then.
        """
        used, self._used = self._used, {}
        if not used:
            return
        try:
            async with self._db.transaction() as session:
                connection = await session.connection()
                for change in _LAST_USED:
                    await connection.execute(change, [{"key": key, "moment": used[key]} for key in used])
        except StorageUnavailable:
            self._used = used | self._used
            raise

    def _seen(self) -> int | None:
        return self._db.revisions.seen("access")

    async def _verify(self, digest: bytes, presented: str) -> Pass[Caller]:
        async with self._db.read() as session:
            row: ProjectRow | None = await find_project_key(session, digest)
        genuine = hmac.compare_digest(digest, row.key.digest if row else _NO_DIGEST)
        if row is None or not genuine or not row.works(datetime.now(UTC)):
            raise _incorrect(presented)
        self._slugs[row.org_id] = row.slug
        return Pass(row.caller(), row.key.expires_at)

    async def _verify_admin(self, digest: bytes, presented: str) -> Pass[AdminCaller]:
        async with self._db.read() as session:
            row: AdminRow | None = await find_admin_key(session, digest)
        genuine = hmac.compare_digest(digest, row.key.digest if row else _NO_DIGEST)
        if row is None or row.role is None or not genuine or not row.works(datetime.now(UTC)):
            raise _incorrect(presented)
        self._slugs[row.key.organization_id] = row.slug
        admin = AdminCaller(row.key.organization_id, row.key.user_id, row.role, row.key.id)
        return Pass(admin, row.key.expires_at)


def check_headers(caller: Caller | AdminCaller, organization: str | None, project: str | None) -> None:
    """Check the `OpenAI-Organization` and `OpenAI-Project` headers, where sent, against the key.

    An admin key belongs to no project. Raises `AuthenticationFailed` with code `mismatched_organization` or
    `mismatched_project`.
    """
    if organization and organization != caller.org_id:
        raise AuthenticationFailed(
            "OpenAI-Organization header should match organization for API key.",
            code="mismatched_organization",
        )
    if project and isinstance(caller, Caller) and project != caller.project_id:
        raise AuthenticationFailed(
            "OpenAI-Project header should match project for API key.", code="mismatched_project"
        )


def _incorrect(presented: str) -> AuthenticationFailed:
    return AuthenticationFailed(
        f"Incorrect API key provided: {key_format.mask(presented)}.", code="invalid_api_key"
    )


def _wrong_kind(message: str) -> PermissionRefused:
    return PermissionRefused(message, code="insufficient_permissions")
