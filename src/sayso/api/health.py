"""Probes and metrics, without a key: they tell nothing of anybody."""

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from sayso.api.deps import ServicesDep

health_router = APIRouter(include_in_schema=False)


@health_router.get("/livez")
async def livez(services: ServicesDep) -> Response:
    """Say whether the process works."""
    alive = services.health.live()
    return _json({"status": "ok" if alive else "failing"}, 200 if alive else 503)


@health_router.get("/readyz")
async def readyz(services: ServicesDep) -> Response:
    """Say whether real requests are answered, and per engine why not."""
    if services.health.draining:
        return _json({"status": "draining", "reasons": {}}, 503)
    readiness = await services.health.ready()
    status = "ready" if readiness.ready else "not ready"
    return _json({"status": status, "reasons": dict(readiness.reasons)}, 200 if readiness.ready else 503)


@health_router.get("/metrics")
async def metrics(services: ServicesDep) -> Response:
    """Return the Prometheus page."""
    return Response(services.metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _json(values: dict[str, object], status: int) -> Response:
    return Response(orjson.dumps(values), status, media_type="application/json")
