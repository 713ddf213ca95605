"""/v1/organization/snapshots: what models are made of; not an endpoint of OpenAI's."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from sayso.api.admin.listing import cut, deleted, page_of, page_response
from sayso.api.admin.model_aliases import installation
from sayso.api.admin.operators import OperatorDep
from sayso.api.deps import AccountsDep, AdminDep, ServicesDep
from sayso.api.services import Services
from sayso.catalog.snapshot import Snapshot
from sayso.jobs.model_files import remove_snapshot

KIND = "organization.snapshot"

snapshots_router = APIRouter(prefix="/v1/organization/snapshots")


@snapshots_router.get("")
async def list_snapshots(request: Request, admin: AdminDep, services: ServicesDep) -> Response:
    """Return every snapshot that this server knows, with its digest and the names that lead to it."""
    found = sorted(services.router.catalogue.snapshots, key=_id)
    page = page_of(found, cut(request.query_params), _id)
    return page_response(page, lambda one: _shape(one, services))


@snapshots_router.delete("/{snapshot:path}")
async def remove(snapshot: str, admin: OperatorDep, accounts: AccountsDep, services: ServicesDep) -> Response:
    """Delete a snapshot's files from this server's machine; one that somebody needs stays."""
    assert services.models_dir is not None, "where there are accounts there are models"
    await remove_snapshot(accounts.db, admin, installation(services), services.models_dir, snapshot)
    return deleted(KIND, snapshot)


def _id(snapshot: Snapshot) -> str:
    return snapshot.id


def _shape(snapshot: Snapshot, services: Services) -> dict[str, object]:
    aliases = services.router.catalogue.aliases
    return {
        "id": snapshot.id,
        "object": KIND,
        "kind": snapshot.kind,
        "digest": snapshot.digest,
        "context_length": snapshot.context_length,
        "created": snapshot.created,
        "owned_by": snapshot.owned_by,
        "served": snapshot.id in services.router.served,
        "aliases": sorted(alias for alias, target in aliases.items() if target == snapshot.id),
        "files": [{"name": file.name, "size": file.size, "sha256": file.sha256} for file in snapshot.files],
    }
