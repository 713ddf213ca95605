"""Which models a project may use."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from sayso.core.caller import AdminCaller, ModelPermission
from sayso.db.session import Database
from sayso.errors import ObjectNotFound
from sayso.ids import OrgId, ProjectId
from sayso.tenancy.audit import record
from sayso.tenancy.project_lookup import find_project, open_project
from sayso.tenancy.tables import ModelPermissions


async def get_model_permission(db: Database, org_id: OrgId, project_id: ProjectId) -> ModelPermission:
    """Return the project's permission. Raises `ObjectNotFound`, also where it has none and may use all."""
    async with db.read() as session:
        await find_project(session, org_id, project_id)
        stored = await _stored(session, project_id)
        return ModelPermission(stored.mode, frozenset(stored.model_ids))


async def set_model_permission(
    db: Database, by: AdminCaller, project_id: ProjectId, permission: ModelPermission
) -> None:
    """Replace the project's permission; within a second every gateway goes by it.

    Raises `ObjectNotFound`, `InvalidRequest` for an archived project.
    """
    model_ids = sorted(permission.model_ids)
    async with db.transaction() as session:
        await open_project(session, by.org_id, project_id)
        await session.merge(
            ModelPermissions(project_id=project_id, mode=permission.mode, model_ids=model_ids)
        )
        await _record(session, by, project_id, {"mode": permission.mode, "model_ids": model_ids})


async def delete_model_permission(db: Database, by: AdminCaller, project_id: ProjectId) -> None:
    """Let the project use every model again. Raises `ObjectNotFound`, also where it had no permission."""
    async with db.transaction() as session:
        await open_project(session, by.org_id, project_id)
        await session.delete(await _stored(session, project_id))
        await _record(session, by, project_id, None)


async def _stored(session: AsyncSession, project_id: ProjectId) -> ModelPermissions:
    stored = await session.get(ModelPermissions, project_id)
    if stored is None:
        raise ObjectNotFound(f"Project '{project_id}' has no model permissions.", param="project_id")
    return stored


async def _record(
    session: AsyncSession, by: AdminCaller, project_id: ProjectId, changes: Mapping[str, object] | None
) -> None:
    details = {"changes_requested": {"model_permissions": changes}}
    await record(session, by, "project.updated", project_id, details, project_id)
