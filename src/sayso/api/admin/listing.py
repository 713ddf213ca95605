"""Lists of objects: which page is asked for, and how one looks."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from starlette.datastructures import QueryParams
from starlette.responses import Response

from sayso.api.admin import query
from sayso.api.openai.answering import json_response
from sayso.tenancy.paging import Cut, Page

T = TypeVar("T")

MAX_LIMIT = 100
DEFAULT_LIMIT = 20


def cut(params: QueryParams, *, default: int = DEFAULT_LIMIT) -> Cut:
    """Read `after`, `before`, `limit` and `order`. Raises `InvalidRequest`."""
    limit = query.integer(params, "limit", minimum=0, maximum=MAX_LIMIT)
    return Cut(
        default if limit is None else limit,
        params.get("after") or None,
        params.get("before") or None,
        query.word(params, "order", ("asc", "desc"), "asc"),
    )


def page_of(items: Sequence[T], asked: Cut, identity: Callable[[T], str]) -> Page[T]:
    """Cut a page out of a list that is whole and in ascending order, as the database cuts long ones."""
    backwards = asked.before is not None and asked.after is None
    cursor = asked.before if backwards else asked.after
    order = list(items if (asked.order == "asc") != backwards else reversed(items))
    if asked.limit <= 0:
        return Page()
    if cursor is not None:
        ids = [identity(item) for item in order]
        if cursor not in ids:
            return Page()
        order = order[ids.index(cursor) + 1 :]
    kept = order[: asked.limit]
    return Page(tuple(reversed(kept) if backwards else kept), len(order) > asked.limit)


def page_response(page: Page[T], shape: Callable[[T], dict[str, object]]) -> Response:
    """Return a page in OpenAI's form."""
    items = [shape(item) for item in page.items]
    return json_response(
        {
            "object": "list",
            "data": items,
            "first_id": items[0]["id"] if items else None,
            "last_id": items[-1]["id"] if items else None,
            "has_more": page.has_more,
        }
    )


def seconds(moment: datetime) -> int:
    """Return Unix seconds, as every object states moments."""
    return int(moment.timestamp())


def optional_seconds(moment: datetime | None) -> int | None:
    """Return Unix seconds, None for None."""
    return None if moment is None else seconds(moment)


def deleted(kind: str, identity: str) -> Response:
    """Return what is left of an object."""
    return json_response({"id": identity, "object": f"{kind}.deleted", "deleted": True})
