"""Stored chat completions: list, one, its messages, other metadata, deletion."""

import re
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.datastructures import QueryParams
from starlette.responses import Response

from sayso.api.admin import query
from sayso.api.admin.bodies import read_body
from sayso.api.admin.listing import cut, deleted, page_of, page_response
from sayso.api.deps import CallerDep, RetentionDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.api.openai.request_rules import check_metadata
from sayso.api.openai.stored_completion import completion_object, message_objects
from sayso.inference.stored_completions import (
    Filter,
    change_metadata,
    delete_stored,
    find_stored,
    list_stored,
)
from sayso.tenancy.paging import Page

PATH = "/v1/chat/completions"
MAX_LIMIT = 100
_METADATA = re.compile(r"metadata\[(.*)\]")

stored_completions_router = APIRouter()


class MetadataBody(BaseModel):
    """Other metadata; null is none."""

    metadata: dict[str, Any] | None


@stored_completions_router.get(PATH)
async def list_chat_completions(request: Request, caller: CallerDep, retention: RetentionDep) -> Response:
    """Return a page of the project's stored completions."""
    found, more = await list_stored(retention, caller, _filter(request.query_params))
    return page_response(Page(tuple(completion_object(one) for one in found), more), lambda shown: shown)


@stored_completions_router.get(f"{PATH}/{{completion_id}}")
async def retrieve_chat_completion(
    completion_id: str, caller: CallerDep, retention: RetentionDep
) -> Response:
    """Return one."""
    return json_response(completion_object(await find_stored(retention, caller, completion_id)))


@stored_completions_router.post(f"{PATH}/{{completion_id}}")
async def update_chat_completion(
    completion_id: str, request: Request, caller: CallerDep, retention: RetentionDep, services: ServicesDep
) -> Response:
    """Replace one's metadata."""
    body = await read_body(request, services, MetadataBody)
    check_metadata(body.metadata)
    changed = await change_metadata(retention, caller, completion_id, body.metadata or {})
    return json_response(completion_object(changed))


@stored_completions_router.delete(f"{PATH}/{{completion_id}}")
async def delete_chat_completion(completion_id: str, caller: CallerDep, retention: RetentionDep) -> Response:
    """Delete one."""
    await delete_stored(retention, caller, completion_id)
    return deleted("chat.completion", completion_id)


@stored_completions_router.get(f"{PATH}/{{completion_id}}/messages")
async def list_messages(
    completion_id: str, request: Request, caller: CallerDep, retention: RetentionDep
) -> Response:
    """Return a page of the messages that one answered."""
    asked = cut(request.query_params)
    messages = message_objects(await find_stored(retention, caller, completion_id))
    return page_response(
        page_of(messages, asked, lambda message: str(message["id"])), lambda message: message
    )


def _filter(params: QueryParams) -> Filter:
    limit = query.integer(params, "limit", minimum=0, maximum=MAX_LIMIT)
    named = ((_METADATA.fullmatch(name), value) for name, value in params.multi_items())
    return Filter(
        model=params.get("model") or "",
        metadata={match.group(1): value for match, value in named if match},
        after=params.get("after") or "",
        limit=20 if limit is None else limit,
        order=query.word(params, "order", ("asc", "desc"), "asc"),
    )
