"""How a wrong key is refused tells nothing: neither by the time it takes nor by what it says."""

import math
import random
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NoReturn

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.db.session import Database
from sayso.errors import AuthenticationFailed
from sayso.ids import new_key_id
from sayso.tenancy import key_format
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.admin_keys import create_admin_key
from sayso.tenancy.authentication import Authenticator
from sayso.tenancy.key_lookup import find_project_key
from sayso.tenancy.key_tables import ApiKey
from sayso.tenancy.service import FirstTenant

OTHER_KEYS = 500
SESSION = 500  # samples in one transaction
BEYOND_CHANCE = 4.5  # the |t| from which on two means are taken for different

INJECTIONS = (
    "' OR '1'='1",
    "' OR 1=1 --",
    "sk-sayso-' OR '1'='1' --",
    "sk-sayso-admin-' UNION SELECT digest FROM admin_api_keys --",
    "sk-sayso-%' OR lookup_id LIKE '%",
    "x'; DROP TABLE api_keys; --",
    "sk-sayso-\\'; SELECT pg_sleep(5); --",
    "1) OR (SELECT sleep(5)) = (1",
    '" OR ""="',
    "sk-sayso-" + "'" * 51,
    "sk-sayso-" + "%" * 51,
    "sk-sayso-" + "_" * 51,
    "sk-sayso-admin-" + "0" * 51,
    "sk-sayso-" + "0" * 45 + "' OR 1",
    "sk-sayso-" + "A" * 100_000,
    "sk-sayso-" + "９" * 51,  # digits, but no ASCII
    "{{7*7}}${7*7}<%=7*7%>",
    "../../../../etc/passwd\\0",
)


def with_wrong(key: str, prefix: str, position: int) -> str:
    """Change one character behind the prefix, and let the checksum be right again."""
    body = list(key.removeprefix(prefix)[: -key_format.CHECKSUM_LENGTH])
    body[position] = "A" if body[position] != "A" else "B"
    changed = prefix + "".join(body)
    return changed + key_format.checksum(changed)


def welch_t(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the t of Welch's test, without the slowest tenth, which is the machine's."""
    kept = [sorted(some)[: len(some) * 9 // 10] for some in (one, other)]
    means = [math.fsum(some) / len(some) for some in kept]
    errors = [
        math.fsum((value - mean) ** 2 for value in some) / (len(some) - 1) / len(some)
        for some, mean in zip(kept, means, strict=True)
    ]
    return (means[0] - means[1]) / math.sqrt(sum(errors))


async def many_keys(accounts: Accounts, tenant: FirstTenant) -> None:
    rows = [
        {
            "id": new_key_id(),
            "project_id": tenant.project_id,
            "user_id": tenant.owner.user_id,
            "name": "k",
            "lookup_id": key_format.new_key()[9:21],
            "digest": secrets.token_bytes(32),
            "redacted_value": "k",
            "created_at": datetime.now(UTC),
        }
        for _ in range(OTHER_KEYS)
    ]
    async with accounts.db.transaction() as session:
        await session.execute(insert(ApiKey), rows)


async def seconds_to_look_up(session: AsyncSession, pepper: bytes, key: str) -> float:
    begun = time.perf_counter()
    assert key_format.lookup_id(key) is not None
    row = await find_project_key(session, key_format.digest(pepper, key))
    taken = time.perf_counter() - begun
    assert row is None
    return taken


async def leak(accounts: Accounts, tenant: FirstTenant, samples: int) -> float:
    """Return the t between keys whose first and whose last secret character are wrong, in random order."""
    await many_keys(accounts, tenant)
    good = tenant.key.secret
    assert (await Authenticator(accounts.db, accounts.pepper).authenticate(good)).key_id == tenant.key.id
    last = key_format.LOOKUP_LENGTH + key_format.SECRET_LENGTH - 1
    wrong = [with_wrong(good, key_format.PREFIX, at) for at in (0, last)]
    taken: list[list[float]] = [[], []]
    chance = random.Random(3)
    for _ in range(samples // SESSION):
        async with accounts.db.read() as session:
            for which in (0, 1) * 5:  # not counted: the first ones are slow
                await seconds_to_look_up(session, accounts.pepper, wrong[which])
            for _ in range(SESSION):
                which = chance.randrange(2)
                taken[which].append(await seconds_to_look_up(session, accounts.pepper, wrong[which]))
    return welch_t(*taken)


async def test_where_a_key_is_wrong_can_not_be_timed(both: Accounts, tenant: FirstTenant) -> None:
    assert abs(await leak(both, tenant, 3 * SESSION)) < BEYOND_CHANCE


@pytest.mark.long
@pytest.mark.timeout(1_200)
async def test_where_a_key_is_wrong_can_not_be_timed_with_many_samples(
    both: Accounts, tenant: FirstTenant
) -> None:
    t = await leak(both, tenant, 100_000)
    print(f"Welch t over 100,000 samples on {both.db.kind}: {t:.2f}")
    assert abs(t) < BEYOND_CHANCE


@pytest.mark.parametrize("key", INJECTIONS, ids=range(len(INJECTIONS)))
async def test_what_is_no_key_is_refused_without_the_database(
    both: Accounts, tenant: FirstTenant, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All by the same few steps, so in the same time."""
    authenticator = Authenticator(both.db, both.pepper)

    def read(self: Database) -> NoReturn:
        raise AssertionError("the database was asked")

    monkeypatch.setattr(Database, "read", read)
    for ask in (authenticator.authenticate, authenticator.authenticate_admin):
        with pytest.raises(AuthenticationFailed) as refused:
            await ask(key)
        assert refused.value.code == "invalid_api_key"
        assert len(refused.value.message) < 100


async def test_injections_with_a_right_checksum_find_nothing(both: Accounts, tenant: FirstTenant) -> None:
    """Only base62 gets as far as the database, and there as a parameter."""
    admin = await create_admin_key(both, tenant.owner, "k")
    authenticator = Authenticator(both.db, both.pepper)
    for prefix, good in ((key_format.PREFIX, tenant.key.secret), (key_format.ADMIN_PREFIX, admin.secret)):
        for position in range(0, key_format.LOOKUP_LENGTH + key_format.SECRET_LENGTH, 4):
            key = with_wrong(good, prefix, position)
            assert key_format.lookup_id(key, prefix) is not None
            ask = (
                authenticator.authenticate
                if prefix == key_format.PREFIX
                else authenticator.authenticate_admin
            )
            with pytest.raises(AuthenticationFailed):
                await ask(key)
            await ask(good)
