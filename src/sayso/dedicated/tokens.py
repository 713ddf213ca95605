"""Commands under an idempotency key: given twice, they are carried out once."""

import hashlib
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.dedicated.tables import InstanceCommandRow
from sayso.errors import IdempotencyConflict
from sayso.ids import InstanceId, OrgId

KEPT_SECONDS = 7 * 86_400
_MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Token:
    """A caller's key for a command, and the command in full: under one key both must be the same."""

    key: str
    command: str


async def carried_out(session: AsyncSession, org_id: OrgId, token: Token | None) -> InstanceId | None:
    """Return the instance that this very command was carried out on, None where it was not yet.

    Raises `IdempotencyConflict` where the key was another command's.
    """
    if token is None:
        return None
    table = InstanceCommandRow
    query = select(table).where(table.organization_id == org_id, table.key_hash == _hashed(org_id, token.key))
    found = await session.scalar(query)
    if found is None:
        return None
    if found.params_hash != _hashed(org_id, token.command):
        raise IdempotencyConflict(
            "This idempotency key was used for another command.",
            code="idempotency_key_reused",
            request_id=found.instance_id,
        )
    return InstanceId(found.instance_id)


async def remember(
    session: AsyncSession, org_id: OrgId, token: Token | None, instance_id: InstanceId, now: int
) -> None:
    """Write down that a command is carried out, in its own transaction; `now` is in microseconds."""
    if token is None:
        return
    old = InstanceCommandRow.created_at < now - KEPT_SECONDS * _MICRO
    await session.execute(delete(InstanceCommandRow).where(old))
    session.add(
        InstanceCommandRow(
            organization_id=org_id,
            key_hash=_hashed(org_id, token.key),
            params_hash=_hashed(org_id, token.command),
            instance_id=instance_id,
            created_at=now,
        )
    )


def _hashed(org_id: str, text: str) -> bytes:
    return hashlib.sha256(f"{org_id}\0{text}".encode()).digest()
