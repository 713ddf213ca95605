"""/v1/organization/instances: dedicated instances; not an endpoint of OpenAI's."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from sayso.api.admin import query
from sayso.api.admin.bodies import read_body
from sayso.api.admin.instance_bodies import EndBody, InstanceChangesBody, LoadBody, NewInstanceBody
from sayso.api.admin.listing import cut, page_of, page_response
from sayso.api.deps import AdminDep, InstancesDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.api.origin import idempotency_key
from sayso.dedicated.configuration import Share
from sayso.dedicated.instance import Instance
from sayso.dedicated.load import DEFAULT_LOAD
from sayso.dedicated.service import Instances
from sayso.dedicated.shapes import (
    curve_shape,
    event_shape,
    instance_shape,
    segment_shape,
    utilization_shape,
)
from sayso.dedicated.tokens import Token
from sayso.dedicated.utilization import KEPT_SECONDS
from sayso.dedicated.wishes import NewInstance
from sayso.ids import InstanceId, ProjectId

instances_router = APIRouter(prefix="/v1/organization/instances")


@instances_router.get("")
async def list_all(request: Request, admin: AdminDep, instances: InstancesDep) -> Response:
    """Return the organization's instances, or one project's; terminated ones where they are asked for."""
    params = request.query_params
    asked = cut(params)
    project = params.get("project_id")
    gone = bool(query.boolean(params, "include_terminated"))
    found = await instances.list(admin.org_id, ProjectId(project) if project else None, gone=gone)
    page = page_of([kept.instance for kept in found], asked, lambda one: one.id)
    return page_response(page, lambda one: instance_shape(one, instances.status(one.id)))


@instances_router.post("")
async def create(
    request: Request, admin: AdminDep, instances: InstancesDep, services: ServicesDep
) -> Response:
    """Make an instance, and start it."""
    body = await read_body(request, services, NewInstanceBody)
    wanted = NewInstance(
        ProjectId(body.project_id),
        body.name,
        body.model,
        Share(body.cores, body.memory_mib, body.gpus, body.vram_mib),
        (body.load or LoadBody()).named().over(DEFAULT_LOAD),
        body.context_length,
        body.term_months,
    )
    token = _token(request, f"create {body.model_dump_json()}")
    return _shown(instances, await instances.create(admin, wanted, token))


@instances_router.get("/{instance_id}")
async def retrieve(instance_id: str, admin: AdminDep, instances: InstancesDep) -> Response:
    """Return an instance."""
    kept = await instances.get(admin.org_id, InstanceId(instance_id))
    return _shown(instances, kept.instance)


@instances_router.post("/{instance_id}")
async def update(
    instance_id: str, request: Request, admin: AdminDep, instances: InstancesDep, services: ServicesDep
) -> Response:
    """Change an instance."""
    body = await read_body(request, services, InstanceChangesBody)
    token = _token(request, f"update {instance_id} {body.model_dump_json()}")
    changed = await instances.update(admin, InstanceId(instance_id), body.named(), token)
    return _shown(instances, changed)


@instances_router.delete("/{instance_id}")
async def delete(instance_id: str, request: Request, admin: AdminDep, instances: InstancesDep) -> Response:
    """Delete an instance, once what runs on it has ended."""
    token = _token(request, f"delete {instance_id}")
    gone = await instances.delete(admin, InstanceId(instance_id), token=token)
    return _shown(instances, gone)


@instances_router.post("/{instance_id}/start")
async def start(instance_id: str, request: Request, admin: AdminDep, instances: InstancesDep) -> Response:
    """Start an instance that is stopped or has failed."""
    token = _token(request, f"start {instance_id}")
    return _shown(instances, await instances.start(admin, InstanceId(instance_id), token))


@instances_router.post("/{instance_id}/stop")
async def stop(instance_id: str, request: Request, admin: AdminDep, instances: InstancesDep) -> Response:
    """Stop an instance at once: what runs on it ends with an error."""
    token = _token(request, f"stop {instance_id}")
    return _shown(instances, await instances.stop(admin, InstanceId(instance_id), 0, token))


@instances_router.post("/{instance_id}/drain")
async def drain(
    instance_id: str, request: Request, admin: AdminDep, instances: InstancesDep, services: ServicesDep
) -> Response:
    """Stop an instance once what runs on it has ended."""
    body = await read_body(request, services, EndBody)
    token = _token(request, f"drain {instance_id} {body.drain_seconds}")
    ended = await instances.stop(admin, InstanceId(instance_id), body.drain_seconds, token)
    return _shown(instances, ended)


@instances_router.get("/{instance_id}/events")
async def events(instance_id: str, request: Request, admin: AdminDep, instances: InstancesDep) -> Response:
    """Return all that has happened to an instance, in order."""
    asked = cut(request.query_params)
    kept = await instances.get(admin.org_id, InstanceId(instance_id))
    shown = [event_shape(event) for event in kept.events]
    return page_response(page_of(shown, asked, lambda one: str(one["id"])), dict)


@instances_router.get("/{instance_id}/segments")
async def segments(instance_id: str, request: Request, admin: AdminDep, instances: InstancesDep) -> Response:
    """Return the seconds that are paid for, in order; the last one may still grow."""
    asked = cut(request.query_params)
    kept = await instances.get(admin.org_id, InstanceId(instance_id))
    shown = [segment_shape(one) for one in instances.segments(kept)]
    return page_response(page_of(shown, asked, lambda one: str(one["id"])), dict)


@instances_router.get("/{instance_id}/curve")
async def curve(instance_id: str, admin: AdminDep, instances: InstancesDep) -> Response:
    """Return what the instance was last measured to do at rising concurrency."""
    found = await instances.curve(admin.org_id, InstanceId(instance_id))
    return json_response(curve_shape(instance_id, found))


@instances_router.get("/{instance_id}/utilization")
async def utilization(
    instance_id: str, request: Request, admin: AdminDep, instances: InstancesDep
) -> Response:
    """Return how busy an instance was, of what its load lets through, up to now."""
    params = request.query_params
    hours = query.integer(params, "hours", minimum=1, maximum=KEPT_SECONDS // 3_600) or 24
    minutes = query.integer(params, "bucket_minutes", minimum=1, maximum=60) or 1
    found = await instances.utilization(admin.org_id, InstanceId(instance_id), hours, minutes)
    return json_response(utilization_shape(instance_id, found))


def _shown(instances: Instances, one: Instance) -> Response:
    return json_response(instance_shape(one, instances.status(one.id)))


def _token(request: Request, command: str) -> Token | None:
    key = idempotency_key(request)
    return None if key is None else Token(key, command)
