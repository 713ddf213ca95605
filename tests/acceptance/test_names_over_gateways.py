"""Two servers on one database: what one is told of names, the other follows without a restart."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.commands import new_admin_key
from tests.acceptance.gateway_pairs import two_gateways
from tests.acceptance.running_server import RunningServer

SCRIPTED = """
load_models = ["one", "two"]
[aliases]
"name" = "one"
[models.one]
kind = "chat"
engine = "mock"
script = '{"reply": "one"}'
[models.two]
kind = "chat"
engine = "mock"
script = '{"reply": "two"}'
"""
FOLLOW_SECONDS = 1.5
CHAT = {"model": "name", "messages": [{"role": "user", "content": "Who?"}]}


@pytest.fixture
async def gateways(tmp_path: Path, database_url: str) -> AsyncIterator[list[RunningServer]]:
    async with two_gateways(tmp_path, database_url, SCRIPTED) as running:
        yield running


async def test_the_other_server_follows_within_a_second_or_so(
    gateways: list[RunningServer], database_url: str
) -> None:
    here, there = gateways
    admin = await asyncio.to_thread(new_admin_key, here.folder, "operator", SAYSO_DATABASE_URL=database_url)
    async with (
        httpx.AsyncClient(base_url=here.base_url, headers={"authorization": f"Bearer {admin}"}) as operator,
        httpx.AsyncClient(base_url=here.base_url, headers={"authorization": f"Bearer {here.key}"}) as near,
        httpx.AsyncClient(base_url=there.base_url, headers={"authorization": f"Bearer {here.key}"}) as far,
    ):
        for act, body, reply in (
            ("model_aliases", {"alias": "name", "snapshot": "two"}, "two"),
            ("model_aliases/rollback", {"alias": "name"}, "one"),
        ):
            made = await operator.post(f"/organization/{act}", json=body)
            assert made.status_code == 200, made.text
            assert await _reply(near) == reply
            begun = time.monotonic()
            while await _reply(far) != reply:
                assert time.monotonic() - begun < FOLLOW_SECONDS
                await asyncio.sleep(0.02)
        await operator.post("/organization/model_deprecations", json={"model": "name"})
        begun = time.monotonic()
        while "deprecation" not in (await far.post("/chat/completions", json=CHAT)).headers:
            assert time.monotonic() - begun < FOLLOW_SECONDS
            await asyncio.sleep(0.02)


async def _reply(client: httpx.AsyncClient) -> str:
    answer = (await client.post("/chat/completions", json=CHAT)).json()
    return str(answer["choices"][0]["message"]["content"])
