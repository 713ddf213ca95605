"""Pin a snapshot for a project: its requests for a name go there, wherever the name moves."""

from sayso.billing.rate_limits import carry_limits
from sayso.catalog.catalogue import wall_clock
from sayso.catalog.name_store import pin_of
from sayso.catalog.names import Pin
from sayso.catalog.tables import ModelPin
from sayso.core.caller import AdminCaller
from sayso.db.base import ID_LENGTH
from sayso.db.session import Database
from sayso.errors import InvalidRequest, ObjectNotFound
from sayso.ids import ProjectId
from sayso.jobs.model_names import Installation, check_served
from sayso.tenancy.audit import record
from sayso.tenancy.project_lookup import open_project


async def pin_model(
    db: Database,
    by: AdminCaller,
    models: Installation,
    project_id: ProjectId,
    model: str,
    snapshot: str | None = None,
) -> Pin:
    """Have a project's requests for `model`, an alias or a snapshot, go to a snapshot from now on.

    Without one it is what `model` leads to now. The project's limits on what it led to hold of the snapshot
    too. Raises `InvalidRequest` for a snapshot that is not served or does other work, `ModelNotFound`,
    `ObjectNotFound`.
    """
    present = models.catalogue.resolve(model, project_id)
    pinned = present if snapshot is None else models.catalogue.resolve(snapshot)
    check_served(models, pinned.id)
    if model == present.id and pinned.id != model:
        raise InvalidRequest(f"'{model}' is a snapshot: it can only be pinned to itself.", param="snapshot")
    if pinned.kind != present.kind:
        raise InvalidRequest(
            f"'{model}' is a {present.kind} model, and '{pinned.id}' is not.", param="snapshot"
        )
    async with db.transaction() as session:
        await open_project(session, by.org_id, project_id)
        row = ModelPin(
            project_id=project_id,
            model=model,
            snapshot=pinned.id,
            digest=pinned.digest,
            made_at=wall_clock(),
            actor=by.user_id,
        )
        await session.merge(row)
        await carry_limits(session, present.id, pinned.id, project_id)
        details = {"model": model, "snapshot": pinned.id, "digest": pinned.digest}
        await record(session, by, "project.model_pin.created", model[:ID_LENGTH], details, project_id)
    return pin_of(row)


async def unpin_model(db: Database, by: AdminCaller, project_id: ProjectId, model: str) -> None:
    """Let a project's requests for `model` go where everybody's do. Raises `ObjectNotFound`."""
    async with db.transaction() as session:
        await open_project(session, by.org_id, project_id)
        row = await session.get(ModelPin, (project_id, model))
        if row is None:
            raise ObjectNotFound(f"Project '{project_id}' has not pinned '{model}'.", param="model")
        details = {"model": model, "snapshot": row.snapshot}
        await session.delete(row)
        await record(session, by, "project.model_pin.deleted", model[:ID_LENGTH], details, project_id)
