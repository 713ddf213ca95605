"""A policy is remembered while nobody sets another, and another holds within half a second."""

import asyncio
import time

import pytest
from sqlalchemy import event

from sayso.core.caller import Caller
from sayso.core.chat import ChatRequest
from sayso.db.revisions import PROMISE_SECONDS
from sayso.db.session import Database
from sayso.ids import KeyId
from sayso.inference.keeping import Exchange, Keeper
from sayso.retention.policies import set_policy
from sayso.retention.policy import RetentionSetting
from tests.integration.retention.conftest import ORG, PROJECT, Vault

CALLER = Caller(ORG, PROJECT, KeyId("key_1"))
REQUEST = ChatRequest(model="smollm2", messages=())


async def begin(keeper: Keeper) -> Exchange | None:
    return await keeper.begin(CALLER, "chat", "chatcmpl_1", "smollm2", REQUEST)


async def test_another_process_policy_holds_within_half_a_second(
    vault: Vault, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sayso.retention.store.POLICY_SECONDS", 0.0)  # so that the numbers alone tell
    looked, reads = asyncio.Event(), [0]
    vault.database.revisions.listen("retention", looked.set)
    vault.database.revisions.start()
    async with asyncio.timeout(30.0):
        await looked.wait()
    event.listen(
        vault.database._reader.sync_engine,
        "before_cursor_execute",
        lambda *_: reads.__setitem__(0, reads[0] + 1),
    )
    keeper = Keeper(vault.store, clock=vault.clock)
    assert await begin(keeper) is not None
    first = reads[0]
    assert first > 0
    for _ in range(3):
        assert await begin(keeper) is not None
        assert (await vault.store.policy(ORG, PROJECT)).days == 30
    assert reads[0] == first
    async with Database.open(database_url) as other:
        async with other.transaction() as session:
            await set_policy(
                session,
                organization_id=ORG,
                project_id=None,
                setting=RetentionSetting("zero"),
                actor="user_1",
                now=vault.clock.now,
            )
        done = time.monotonic()
        while True:
            begun = time.monotonic()
            if await begin(keeper) is None:
                break
            assert begun - done <= PROMISE_SECONDS
            await asyncio.sleep(0.005)
    assert (await vault.store.policy(ORG, PROJECT)).days == 0
