"""Sessions of the console: opened with an admin key or a link, looked up by a digest, ended."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.core.caller import AdminCaller, OrgRole
from sayso.errors import AuthenticationFailed
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.audit import record
from sayso.tenancy.console_links import use_console_link
from sayso.tenancy.console_tables import ConsoleSession
from sayso.tenancy.key_format import digest
from sayso.tenancy.key_tables import AdminApiKey
from sayso.tenancy.pass_cache import Pass, PassCache
from sayso.tenancy.tables import Membership, Organization, User

TOUCH = timedelta(minutes=1)  # how exact the moment of the last use is
_BYTES = 32
_SESSION = (
    select(ConsoleSession, Organization.slug, Organization.name, User.name, Membership.role, AdminApiKey)
    .join(Organization, Organization.id == ConsoleSession.organization_id)
    .join(User, User.id == ConsoleSession.user_id)
    .outerjoin(
        Membership,
        (Membership.organization_id == ConsoleSession.organization_id)
        & (Membership.user_id == ConsoleSession.user_id),
    )
    .outerjoin(AdminApiKey, AdminApiKey.id == ConsoleSession.admin_key_id)
)


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """When a session ends by itself: so long after it was opened, or after its last attended request."""

    life: timedelta = timedelta(hours=12)
    idle: timedelta = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in: `admin` acts, the names are for people."""

    admin: AdminCaller
    organization_slug: str
    organization_name: str
    user_name: str


class Sessions:
    """Every session of the database; what was good is remembered for half a second.

    A session is over when its limits say so, when somebody signs out, and when the key it was opened with is
    revoked or expires or its user leaves the organization.
    """

    def __init__(
        self,
        accounts: Accounts,
        limits: SessionLimits = SessionLimits(),
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits
        self._accounts = accounts
        self._found: PassCache[SignedIn] = PassCache(clock)

    async def open_with_key(self, admin: AdminCaller) -> str:
        """Return the token of a new session of an authenticated admin key."""
        async with self._accounts.db.transaction() as session:
            return await self._open(session, admin, "api_key")

    async def open_with_link(self, link: str) -> str:
        """Return the token of a new session. Raises `AuthenticationFailed` for a link that is no good."""
        async with self._accounts.db.transaction() as session:
            admin = await use_console_link(session, self._accounts.pepper, link)
            token = None if admin is None else await self._open(session, admin, "link")
        if token is None:
            raise AuthenticationFailed("This link has been used or has expired.", code="invalid_link")
        return token

    async def find(self, token: str, *, attended: bool = True) -> SignedIn:
        """Return who is signed in; a request that nobody attends to does not prolong the session.

        Raises `AuthenticationFailed` with code `not_signed_in`.
        """
        if not token or not token.isascii():
            raise _not_signed_in()
        known = digest(self._accounts.pepper, token)
        # Remembered apart, or an unattended request could hide the attended one that follows it.
        return await self._found.get(known + bytes([attended]), lambda: self._read(known, attended))

    async def end(self, token: str) -> None:
        """Sign out. Raises `AuthenticationFailed` where nobody is signed in."""
        who = await self.find(token)
        known = digest(self._accounts.pepper, token)
        async with self._accounts.db.transaction() as session:
            await session.execute(delete(ConsoleSession).where(ConsoleSession.digest == known))
            await record(session, who.admin, "logout.succeeded", who.admin.user_id)

    async def _open(self, session: AsyncSession, admin: AdminCaller, method: str) -> str:
        token = secrets.token_urlsafe(_BYTES)
        now = datetime.now(UTC)
        over = (ConsoleSession.expires_at <= now) | (ConsoleSession.used_at <= now - self.limits.idle)
        await session.execute(delete(ConsoleSession).where(over))
        session.add(
            ConsoleSession(
                digest=digest(self._accounts.pepper, token),
                organization_id=admin.org_id,
                user_id=admin.user_id,
                admin_key_id=admin.key_id,
                created_at=now,
                used_at=now,
                expires_at=now + self.limits.life,
            )
        )
        await session.flush()
        await record(session, admin, "login.succeeded", admin.user_id, {"data": {"method": method}})
        return token

    async def _read(self, known: bytes, attended: bool) -> Pass[SignedIn]:
        async with self._accounts.db.read() as session:
            row = (await session.execute(_SESSION.where(ConsoleSession.digest == known))).one_or_none()
        now = datetime.now(UTC)
        if row is None:
            raise _not_signed_in()
        found, slug, organization, user, role, key = row
        idle = found.used_at <= now - self.limits.idle
        if idle or not _in_force(found, role, key, now):
            raise _not_signed_in()
        if attended and found.used_at <= now - TOUCH:
            async with self._accounts.db.transaction() as session:
                await session.execute(
                    update(ConsoleSession).where(ConsoleSession.digest == known).values(used_at=now)
                )
        admin = AdminCaller(found.organization_id, found.user_id, role, found.admin_key_id)
        return Pass(SignedIn(admin, slug, organization, user), found.expires_at)


def _in_force(found: ConsoleSession, role: OrgRole | None, key: AdminApiKey | None, now: datetime) -> bool:
    if role is None or found.expires_at <= now:
        return False
    return key is None or (key.revoked_at is None and (key.expires_at is None or key.expires_at > now))


def _not_signed_in() -> AuthenticationFailed:
    return AuthenticationFailed("You are not signed in, or no longer.", code="not_signed_in")
