"""Lists in pages: everything after, or before, the item whose id the caller names."""

from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from sqlalchemy import Select, and_, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

T = TypeVar("T")
U = TypeVar("U")
Order: TypeAlias = Literal["asc", "desc"]


@dataclass(frozen=True, slots=True)
class Cut:
    """Which page. An id in `after` or `before` that the list does not have gives an empty page."""

    limit: int = 20
    after: str | None = None
    before: str | None = None
    order: Order = "asc"


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list; `has_more` says whether there is another in the direction that was asked for."""

    items: tuple[T, ...] = ()
    has_more: bool = False


async def read_page(
    session: AsyncSession,
    query: "Select[*tuple[Any, ...]]",
    moment: InstrumentedAttribute[Any],
    identity: InstrumentedAttribute[Any],
    cut: Cut,
) -> Page[Any]:
    """Return a page of `query`'s rows, in order of `moment` and, where that is the same, of `identity`."""
    backwards = cut.before is not None and cut.after is None
    ascending = (cut.order == "asc") != backwards
    cursor = cut.before if backwards else cut.after
    if cut.limit <= 0:
        return Page()
    if cursor is not None:
        found = (
            await session.execute(query.with_only_columns(moment, identity).where(identity == cursor))
        ).first()
        if found is None:
            return Page()
        when, which = found
        later = moment > when if ascending else moment < when
        next_to = identity > which if ascending else identity < which
        query = query.where(or_(later, and_(moment == when, next_to)))
    sort = (moment.asc(), identity.asc()) if ascending else (moment.desc(), identity.desc())
    rows = (await session.execute(query.order_by(*sort).limit(cut.limit + 1))).all()
    kept = list(rows[: cut.limit])
    if backwards:
        kept.reverse()
    return Page(tuple(kept), len(rows) > cut.limit)
