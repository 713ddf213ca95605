"""Move aliases, pin snapshots, announce ends: each an act that is written down with who did it."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from sayso.billing.rate_limits import carry_limits
from sayso.catalog.alias_history import AliasVersion, before, course, is_dated
from sayso.catalog.catalogue import Catalogue, wall_clock
from sayso.catalog.manifest import check_name
from sayso.catalog.name_store import append_version, load_names
from sayso.catalog.snapshot import Snapshot
from sayso.core.caller import AdminCaller
from sayso.db.base import ID_LENGTH
from sayso.db.session import Database
from sayso.errors import ConfigurationError, InvalidRequest, ModelNotFound
from sayso.tenancy.audit import record

ALIAS_MOVED = "model_alias.moved"
ALIAS_ROLLED_BACK = "model_alias.rolled_back"


@dataclass(frozen=True, slots=True)
class Installation:
    """What an act on names is checked against: the models that are known, and the ids of those served."""

    catalogue: Catalogue
    served: Collection[str]


async def move_alias(
    db: Database, by: AdminCaller, models: Installation, alias: str, target: str, *, at: int | None = None
) -> AliasVersion:
    """Have an alias, new or known, lead to a snapshot that is served, or to where another alias leads now.

    `at` is the moment from which on, in Unix microseconds, None for now; whatever was planned for the alias
    before is forgotten. Projects' limits on the present snapshot hold of the new one too. Raises
    `InvalidRequest` for a moment that has passed, an alias that bears a date and leads elsewhere, and a
    snapshot that is not served or does other work; `ModelNotFound`.
    """
    snapshot = _target(models, alias, target)
    async with db.transaction() as session:
        now = wall_clock()
        if at is not None and at < now:
            raise InvalidRequest("An alias can not move in the past.", param="effective_from")
        came = course(await _versions(session, models.catalogue, alias, now), now)
        present = came[-1].snapshot if came else None
        _check_move(models.catalogue, alias, present, snapshot)
        made = await append_version(
            session,
            alias,
            snapshot.id,
            present,
            effective_from=now if at is None else at,
            now=now,
            actor=by.user_id,
            cause="move",
        )
        await _written(session, by, ALIAS_MOVED, made)
    return made


async def roll_back_alias(db: Database, by: AdminCaller, models: Installation, alias: str) -> AliasVersion:
    """Have an alias lead where it did before its last move, now; doing so twice goes back two moves.

    Raises `InvalidRequest` where there is nothing to go back to, or what was before is not served any more;
    `ModelNotFound`.
    """
    async with db.transaction() as session:
        now = wall_clock()
        versions = await _versions(session, models.catalogue, alias, now)
        if not versions:
            raise ModelNotFound(alias)
        target = before(versions, now)
        if target is None:
            raise InvalidRequest(f"The alias '{alias}' has not moved: there is nothing to go back to.")
        check_served(models, target)
        made = await append_version(
            session,
            alias,
            target,
            course(versions, now)[-1].snapshot,
            effective_from=now,
            now=now,
            actor=by.user_id,
            cause="rollback",
        )
        await _written(session, by, ALIAS_ROLLED_BACK, made)
    return made


def check_served(models: Installation, snapshot: str) -> None:
    """Raise `InvalidRequest` for a snapshot that is not served."""
    if snapshot not in models.served:
        raise InvalidRequest(
            f"The snapshot '{snapshot}' is not served here: name it in 'load_models' and restart first.",
            param="snapshot",
        )


def _target(models: Installation, alias: str, target: str) -> Snapshot:
    try:
        check_name(alias)
    except ConfigurationError as error:
        raise InvalidRequest(error.message, param="alias") from None
    if any(snapshot.id == alias for snapshot in models.catalogue.snapshots):
        raise InvalidRequest(f"'{alias}' is a snapshot: it is itself for good.", param="alias")
    snapshot = models.catalogue.resolve(target)
    check_served(models, snapshot.id)
    return snapshot


def _check_move(catalogue: Catalogue, alias: str, present: str | None, new: Snapshot) -> None:
    if present is None:
        return
    if is_dated(alias) and present != new.id:
        raise InvalidRequest(
            f"The alias '{alias}' bears a date: it leads to '{present}' and never moves.",
            param="alias",
            code="alias_is_dated",
        )
    kinds = {snapshot.id: snapshot.kind for snapshot in catalogue.snapshots}
    if kinds.get(present, new.kind) != new.kind:
        raise InvalidRequest(f"The alias '{alias}' is that of a {kinds[present]} model.", param="snapshot")


async def _versions(
    session: AsyncSession, catalogue: Catalogue, alias: str, now: int
) -> tuple[AliasVersion, ...]:
    """Return an alias's versions, the one of the settings written down first where no server has done so."""
    versions = (await load_names(session)).versions.get(alias, ())
    if versions or alias not in catalogue.initial:
        return versions
    first = await append_version(
        session,
        alias,
        catalogue.initial[alias],
        None,
        effective_from=now,
        now=now,
        actor=None,
        cause="settings",
    )
    return (first,)


async def _written(session: AsyncSession, by: AdminCaller, event: str, version: AliasVersion) -> None:
    """Carry limits along, and write down who did it."""
    if version.previous is not None:
        await carry_limits(session, version.previous, version.snapshot)
    details = {
        "alias": version.alias,
        "snapshot": version.snapshot,
        "previous": version.previous,
        "effective_from": version.effective_from // 1_000_000,
    }
    await record(session, by, event, version.alias[:ID_LENGTH], details)
