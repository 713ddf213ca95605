"""Announce when a name stops being advised and when it stops working, and take that back."""

from sayso.catalog.catalogue import wall_clock
from sayso.catalog.names import Deprecation
from sayso.catalog.tables import ModelDeprecation
from sayso.core.caller import AdminCaller
from sayso.db.base import ID_LENGTH
from sayso.db.session import Database
from sayso.errors import InvalidRequest, ObjectNotFound
from sayso.jobs.model_names import Installation
from sayso.tenancy.audit import record

EVENT = "model_deprecation"


async def announce_end(
    db: Database,
    by: AdminCaller,
    models: Installation,
    model: str,
    *,
    deprecated_from: int | None = None,
    shutdown_at: int | None = None,
    replacement: str = "",
) -> Deprecation:
    """Say of an alias or a snapshot from when on it is not advised, None for now, and when it stops working.

    Moments are Unix microseconds. What was said before is replaced. Raises `ModelNotFound` for a name or a
    replacement that is not known, `InvalidRequest` for an end before its announcement.
    """
    models.catalogue.resolve(model)
    if replacement and models.catalogue.resolve(replacement).id == model:
        raise InvalidRequest("A model can not replace itself.", param="replacement")
    now = wall_clock()
    since = now if deprecated_from is None else deprecated_from
    if shutdown_at is not None and shutdown_at < since:
        raise InvalidRequest("A model can not be shut down before it is deprecated.", param="shutdown_at")
    end = Deprecation(model, since, shutdown_at, replacement)
    async with db.transaction() as session:
        await session.merge(
            ModelDeprecation(
                model=model,
                deprecated_from=since,
                shutdown_at=shutdown_at,
                replacement=replacement,
                made_at=now,
                actor=by.user_id,
            )
        )
        details = {
            "model": model,
            "deprecated_from": since // 1_000_000,
            "shutdown_at": None if shutdown_at is None else shutdown_at // 1_000_000,
            "replacement": replacement,
        }
        await record(session, by, f"{EVENT}.updated", model[:ID_LENGTH], details)
    return end


async def withdraw_end(db: Database, by: AdminCaller, model: str) -> None:
    """Take back what was announced here; what the settings say of the name holds again.

    Raises `ObjectNotFound`.
    """
    async with db.transaction() as session:
        row = await session.get(ModelDeprecation, model)
        if row is None:
            raise ObjectNotFound(f"No end of '{model}' was announced here.", param="model")
        await session.delete(row)
        await record(session, by, f"{EVENT}.deleted", model[:ID_LENGTH], {"model": model})
