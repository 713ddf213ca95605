"""Links that sign a person in to the console once: for whoever owns the data folder, instead of a key."""

import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.core.caller import AdminCaller
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.console_tables import ConsoleLink
from sayso.tenancy.key_format import digest

LINK_LIFE = timedelta(minutes=15)
_BYTES = 32


async def create_console_link(accounts: Accounts, to: AdminCaller) -> str:
    """Return a token that signs in as `to` once, within 15 minutes; drop those that have expired."""
    token = secrets.token_urlsafe(_BYTES)
    now = datetime.now(UTC)
    async with accounts.db.transaction() as session:
        await session.execute(delete(ConsoleLink).where(ConsoleLink.expires_at <= now))
        session.add(
            ConsoleLink(
                digest=digest(accounts.pepper, token),
                organization_id=to.org_id,
                user_id=to.user_id,
                expires_at=now + LINK_LIFE,
            )
        )
    return token


async def use_console_link(session: AsyncSession, pepper: bytes, token: str) -> AdminCaller | None:
    """Return whom the token signs in, and take it away in the caller's transaction; None for no good one."""
    if not token.isascii():
        return None
    # One statement finds and takes it, so that of two requests at once one alone gets it.
    taken = delete(ConsoleLink).where(ConsoleLink.digest == digest(pepper, token))
    row = (
        await session.execute(
            taken.returning(ConsoleLink.organization_id, ConsoleLink.user_id, ConsoleLink.expires_at)
        )
    ).one_or_none()
    if row is None or row.expires_at <= datetime.now(UTC):
        return None
    return AdminCaller(row.organization_id, row.user_id)
