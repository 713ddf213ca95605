"""A model's limit is its snapshot's, whatever name it was set under."""

from sayso.billing.rate_limits import LimitKey, gather_names, scope_limits, set_limits
from sayso.billing.scopes import Scope
from sayso.billing.tables import RateLimit
from tests.integration.billing.conftest import Books

REQUESTS, TOKENS = LimitKey("requests", "minute"), LimitKey("tokens", "minute")
ALIASES = {"gpt-3.5-turbo": "smollm2", "gpt-4": "smollm2"}


async def test_limits_of_names_become_the_snapshots_and_the_lowest_holds(books: Books) -> None:
    for model, value in (("gpt-3.5-turbo", 30), ("gpt-4", 20), ("other", 5), ("", 100)):
        await books.limit("requests", value, model=model)
    await books.limit("tokens", 1_000, model="gpt-4")
    await books.limit("requests", 7, model="gpt-4", scope_id="proj_2")
    await books.limit("requests", 3, model="smollm2", scope_id="proj_2")
    for _ in range(2):
        await gather_names(books.database, ALIASES)
    async with books.database.read() as session:
        first = await scope_limits(session, Scope("project", "proj_1"))
        second = await scope_limits(session, Scope("project", "proj_2"))
    assert {model: dict(limits.values) for model, limits in first.items()} == {
        "": {REQUESTS: 100},
        "other": {REQUESTS: 5},
        "smollm2": {REQUESTS: 20, TOKENS: 1_000},
    }
    assert {model: dict(limits.values) for model, limits in second.items()} == {"smollm2": {REQUESTS: 3}}


async def test_a_limit_is_set_changed_and_removed_by_itself(books: Books) -> None:
    scope = Scope("key", "key_1", "proj_1")
    async with books.database.transaction() as session:
        await set_limits(session, scope, "", {REQUESTS: 1, TOKENS: 2})
        await set_limits(session, Scope("key", "key_2", "proj_1"), "", {REQUESTS: 9})
        changed = await set_limits(session, scope, "", {REQUESTS: 3})
        assert changed.values == {REQUESTS: 3, TOKENS: 2}
        assert (await set_limits(session, scope, "", {REQUESTS: None})).values == {TOKENS: 2}
        assert (await set_limits(session, scope, "", {REQUESTS: None})).values == {TOKENS: 2}
    assert len(await books.rows(RateLimit)) == 2
