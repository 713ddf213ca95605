"""GET /v1/organization/kept_data: what is kept, and for how long; not an endpoint of OpenAI's."""

from fastapi import APIRouter
from starlette.responses import Response

from sayso.api.admin.moments import optional_unix, unix
from sayso.api.deps import AccountsDep, AdminDep, RetentionDep
from sayso.api.openai.answering import json_response
from sayso.ids import ProjectId
from sayso.jobs.data_standing import DataStanding, ProjectStanding, data_standing
from sayso.retention.clock import wall_clock
from sayso.retention.policy import RetentionSetting
from sayso.retention.standing import KeptSum

kept_data_router = APIRouter()


@kept_data_router.get("/v1/organization/kept_data")
async def of_organization(admin: AdminDep, accounts: AccountsDep, retention: RetentionDep) -> Response:
    """Return what is kept about the organization."""
    found = await data_standing(
        accounts.db, admin.org_id, ceiling_days=retention.store.ceiling_days, now=wall_clock()
    )
    return _shape(found)


@kept_data_router.get("/v1/organization/projects/{project_id}/kept_data")
async def of_project(
    project_id: str, admin: AdminDep, accounts: AccountsDep, retention: RetentionDep
) -> Response:
    """Return what is kept about a project."""
    found = await data_standing(
        accounts.db,
        admin.org_id,
        ProjectId(project_id),
        ceiling_days=retention.store.ceiling_days,
        now=wall_clock(),
    )
    return _shape(found)


def _shape(found: DataStanding) -> Response:
    return json_response(
        {
            "object": "organization.kept_data",
            "organization_id": found.organization_id,
            "asks_for": _setting(found.setting),
            "ceiling_days": found.ceiling_days,
            "projects": [_project(one) for one in found.projects],
            "kept": [_kept(one) for one in found.kept],
            "legal_holds": [one.id for one in found.holds],
            "next_expiry": optional_unix(found.next_expiry),
            "improvement": found.consent.opted_in,
            "last_sweep_at": None if found.last_sweep is None else unix(found.last_sweep.finished_at),
        }
    )


def _project(one: ProjectStanding) -> dict[str, object]:
    in_force = {"days": one.policy.days, "stored_days": one.policy.stored_days}
    return {"id": one.id, "name": one.name, "asks_for": _setting(one.setting), "in_force": in_force}


def _setting(setting: RetentionSetting) -> dict[str, object]:
    return {"mode": setting.mode, "days": setting.days or None}


def _kept(one: KeptSum) -> dict[str, object]:
    return {
        "project_id": one.project_id,
        "class": one.class_id,
        "kind": one.kind,
        "records": one.records,
        "stored": one.stored,
        "hidden": one.hidden,
        "held": one.held,
        "bytes": one.bytes,
        "oldest": unix(one.oldest),
        "next_expiry": unix(one.next_expiry),
    }
