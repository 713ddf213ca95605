"""GET /v1/organization/usage/…: what the organization used, in buckets of time."""

import time
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from fastapi import APIRouter, Request
from starlette.responses import Response

from sayso.api.admin.usage_request import UsageRequest, usage_request
from sayso.api.deps import AccountsDep, AdminDep
from sayso.api.errors import UnknownUrl
from sayso.api.openai.answering import json_response
from sayso.billing.usage_buckets import BucketPage
from sayso.billing.usage_of_time import TimeGroup, time_in_buckets
from sayso.billing.usage_report import DIMENSIONS, Activity, UsageGroup, usage_in_buckets
from sayso.core.caller import AdminCaller
from sayso.tenancy.accounts import Accounts

Dimensions: TypeAlias = tuple[str, ...]

_LABELS: Dimensions = DIMENSIONS
_TIME: Dimensions = ("project_id", "instance_id")
_TEXT: Dimensions = (*_LABELS, "batch", "service_tier", "api_source")
# Nothing of these kinds is served: their buckets are valid and empty.
UNSERVED: dict[str, Dimensions] = {
    "embeddings": _LABELS,
    "moderations": _LABELS,
    "images": (*_LABELS, "size", "source"),
    "audio_speeches": _LABELS,
    "vector_stores": ("project_id",),
    "code_interpreter_sessions": ("project_id",),
    "file_search_calls": ("project_id", "user_id", "api_key_id", "vector_store_id"),
    "web_search_calls": (*_LABELS, "context_level", "api_source"),
    "decisions": _TEXT,
}

usage_router = APIRouter()


@usage_router.get("/v1/organization/usage/completions")
async def completions_usage(request: Request, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return the tokens of chats and completions."""
    asked = usage_request(request.query_params, _TEXT, time.time())
    found = await _found(accounts, admin, "text", asked)
    return bucket_response(asked.page, [[_completions(group, asked) for group in groups] for groups in found])


@usage_router.get("/v1/organization/usage/audio_transcriptions")
async def transcriptions_usage(request: Request, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return the seconds of speech that were transcribed, translated or identified."""
    asked = usage_request(request.query_params, _LABELS, time.time())
    found = await _found(accounts, admin, "speech", asked)
    return bucket_response(asked.page, [[_transcriptions(group) for group in groups] for groups in found])


@usage_router.get("/v1/organization/usage/instances")
async def instances_usage(request: Request, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return the seconds of dedicated instances that were paid for; not OpenAI's."""
    asked = usage_request(request.query_params, _TIME, time.time())
    by = {"by_project": "project_id" in asked.group_by, "by_instance": "instance_id" in asked.group_by}
    found = await time_in_buckets(accounts.db, admin.org_id, asked.page, **by, only=asked.only)
    return bucket_response(asked.page, [[_time(group) for group in groups] for groups in found])


@usage_router.get("/v1/organization/usage/{kind}")
async def unserved_usage(kind: str, request: Request, admin: AdminDep) -> Response:
    """Return empty buckets for the kinds of usage that there are in OpenAI's API and not here."""
    if kind not in UNSERVED:
        raise UnknownUrl(request.method, request.url.path)
    asked = usage_request(request.query_params, UNSERVED[kind], time.time())
    return bucket_response(asked.page, [[] for _ in asked.page.buckets])


def bucket_response(page: BucketPage, results: Iterable[Sequence[dict[str, object]]]) -> Response:
    """Return a page of buckets with the results of each."""
    return json_response(
        {
            "object": "page",
            "data": [
                {
                    "object": "bucket",
                    "start_time": bucket.start,
                    "end_time": bucket.end,
                    "results": list(groups),
                }
                for bucket, groups in zip(page.buckets, results, strict=True)
            ],
            "has_more": page.next_page is not None,
            "next_page": page.next_page,
        }
    )


async def _found(
    accounts: Accounts, admin: AdminCaller, activity: Activity, asked: UsageRequest
) -> list[tuple[UsageGroup, ...]]:
    if asked.empty:
        return [() for _ in asked.page.buckets]
    return await usage_in_buckets(
        accounts.db,
        admin.org_id,
        activity,
        asked.page,
        asked.width,
        group_by=[name for name in DIMENSIONS if name in asked.group_by],
        only=asked.only,
    )


def _labels(group: UsageGroup) -> dict[str, object]:
    """Return every dimension; null where the usage is not grouped by it."""
    return {name: group.labels.get(name) for name in DIMENSIONS}


def _completions(group: UsageGroup, asked: UsageRequest) -> dict[str, object]:
    totals = group.totals
    uncached = totals.prompt_tokens - totals.cached_tokens
    return {
        "object": "organization.usage.completions.result",
        "input_tokens": totals.prompt_tokens,
        "output_tokens": totals.completion_tokens,
        "input_cached_tokens": totals.cached_tokens,
        "input_uncached_tokens": uncached,
        "input_text_tokens": uncached,
        "input_cached_text_tokens": totals.cached_tokens,
        "output_text_tokens": totals.completion_tokens,
        "input_audio_tokens": 0,
        "output_audio_tokens": 0,
        "num_model_requests": totals.requests,
        **_labels(group),
        "batch": False if "batch" in asked.group_by else None,
        "service_tier": "default" if "service_tier" in asked.group_by else None,
        "api_source": "unlabeled" if "api_source" in asked.group_by else None,
    }


def _transcriptions(group: UsageGroup) -> dict[str, object]:
    return {
        "object": "organization.usage.audio_transcriptions.result",
        "seconds": group.totals.audio_seconds,
        "num_model_requests": group.totals.requests,
        **_labels(group),
    }


def _time(group: TimeGroup) -> dict[str, object]:
    return {
        "object": "organization.usage.instances.result",
        "seconds": group.seconds,
        "project_id": group.project_id,
        "instance_id": group.instance_id,
    }
