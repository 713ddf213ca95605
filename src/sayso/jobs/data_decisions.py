"""What is decided about content, each decision in the audit log with who made it."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from sayso.core.caller import AdminCaller
from sayso.db.session import Database
from sayso.errors import InvalidRequest, ObjectNotFound, PermissionRefused
from sayso.ids import OrgId, ProjectId
from sayso.jobs.directory import named_scope
from sayso.retention.consent import Consent, set_consent
from sayso.retention.erasure import Erasure, ErasureScope, list_erasures, request_erasure
from sayso.retention.legal_holds import LegalHold, list_holds, place_hold, release_hold
from sayso.retention.policies import PolicyVersion, set_policy
from sayso.retention.policy import RetentionSetting, to_sdk
from sayso.tenancy.audit import record
from sayso.tenancy.project_lookup import find_project, open_project

OPERATOR = "operator"  # who placed a hold at the server's own command line


async def change_policy(
    db: Database, by: AdminCaller, project_id: ProjectId | None, setting: RetentionSetting, now: int
) -> PolicyVersion:
    """Ask for another retention, of a project or else of the organization. `now` is in Unix microseconds.

    Raises `ObjectNotFound`, and `InvalidRequest` for an archived project and an organization that inherits.
    """
    if project_id is None and setting.mode == "inherit":
        raise InvalidRequest("An organization has nothing to inherit from.", param="mode")
    wanted: dict[str, object] = {"data_retention": to_sdk(setting), "mode": setting.mode}
    if setting.days:
        wanted["days"] = setting.days
    async with db.transaction() as session:
        if project_id is not None:
            await open_project(session, by.org_id, project_id)
        version = await set_policy(
            session,
            organization_id=by.org_id,
            project_id=project_id,
            setting=setting,
            actor=by.user_id,
            now=now,
        )
        event = "project.updated" if project_id else "organization.updated"
        await record(session, by, event, project_id or by.org_id, {"changes_requested": wanted}, project_id)
    return version


async def hold(
    db: Database, by: AdminCaller, project_id: ProjectId | None, reason: str, now: int
) -> LegalHold:
    """Place a legal hold on a project, or else on the organization.

    Raises `ObjectNotFound`, and `InvalidRequest` without a reason.
    """
    async with db.transaction() as session:
        await _known(session, by, project_id)
        placed = await place_hold(
            session,
            organization_id=by.org_id,
            project_id=project_id,
            reason=reason,
            actor=_actor(by),
            now=now,
        )
        await record(session, by, "legal_hold.created", placed.id, {"data": {"reason": reason}}, project_id)
    return placed


async def release(db: Database, by: AdminCaller, hold_id: str, now: int) -> LegalHold:
    """Release a legal hold; wake the sweeper then. Raises `ObjectNotFound`.

    Raises `PermissionRefused` where the operator placed it and somebody else asks.
    """
    async with db.transaction() as session:
        found = next((one for one in await list_holds(session, by.org_id) if one.id == hold_id), None)
        if found is not None and found.created_by == OPERATOR and by.key_id is not None:
            raise PermissionRefused(
                "The operator placed this legal hold, and releases it on the server's command line.",
                code="insufficient_permissions",
            )
        ended = await release_hold(session, by.org_id, hold_id, actor=_actor(by), now=now)
        if found is not None and found.released_at is None:
            project_id = ProjectId(ended.scope_id) if ended.scope_kind == "project" else None
            await record(session, by, "legal_hold.released", hold_id, None, project_id)
    return ended


async def erase(db: Database, by: AdminCaller, kind: ErasureScope, scope_id: str, now: int) -> Erasure:
    """Ask that content be erased; wake the sweeper then. Raises `ObjectNotFound` for a stranger's project."""
    project_id = ProjectId(scope_id) if kind == "project" else None
    async with db.transaction() as session:
        await _known(session, by, project_id)
        asked = await request_erasure(
            session,
            organization_id=by.org_id,
            scope_kind=kind,
            scope_id=scope_id,
            actor=_actor(by),
            now=now,
        )
        details: Mapping[str, object] = {"data": {"scope": kind, "scope_id": scope_id}}
        await record(session, by, "content.erased", asked.id, details, project_id)
    return asked


async def consent(db: Database, by: AdminCaller, opted_in: bool, now: int) -> Consent:
    """Opt in to having content used to improve the service, or out of it; both hold at once."""
    async with db.transaction() as session:
        said = await set_consent(session, by.org_id, opted_in, actor=_actor(by), now=now)
        details = {"changes_requested": {"improvement_consent": opted_in}}
        await record(session, by, "organization.updated", by.org_id, details)
    return said


async def find_erasure(db: Database, organization_id: OrgId, erasure_id: str) -> Erasure:
    """Return a request to erase, as far as it has come. Raises `ObjectNotFound`."""
    async with db.read() as session:
        found = await list_erasures(session, organization_id)
    for one in found:
        if one.id == erasure_id:
            return one
    raise ObjectNotFound(f"No erasure found with id '{erasure_id}'.")


async def scope_of(db: Database, organization_id: OrgId, named: str | None) -> ProjectId | None:
    """Return a project by id or name, None where none is named. Raises `ObjectNotFound`."""
    if named is None:
        return None
    return ProjectId((await named_scope(db, organization_id, named, None)).id)


async def _known(session: AsyncSession, by: AdminCaller, project_id: ProjectId | None) -> None:
    if project_id is not None:
        await find_project(session, by.org_id, project_id)


def _actor(by: AdminCaller) -> str:
    return OPERATOR if by.key_id is None else by.user_id
