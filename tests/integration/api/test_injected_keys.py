"""What is shown as a key and is SQL is a 401 like any other wrong key."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.integration.api.conftest import MakeWorld
from tests.integration.api.tenants import Tenants, two_tenants
from tests.integration.tenancy.test_wrong_keys import INJECTIONS


@pytest.fixture
async def tenants(make_world: MakeWorld, tmp_path: Path) -> AsyncIterator[Tenants]:
    async with two_tenants(make_world().services, f"sqlite:///{tmp_path / 'sayso.db'}") as made:
        yield made


async def test_each_is_refused_with_401_at_every_door(tenants: Tenants) -> None:
    async with tenants.client(None) as client:
        for door in ("/v1/models", "/v1/chat/completions", "/v1/organization/projects"):
            for key in INJECTIONS:
                headers = httpx.Headers([(b"authorization", b"Bearer " + key.encode())])
                method = "POST" if "chat" in door else "GET"
                answer = await client.request(method, door, headers=headers, content=b"{}")
                assert answer.status_code == 401, (door, key[:40], answer.text)
                assert answer.json()["error"]["code"] == "invalid_api_key"
        good = {"authorization": f"Bearer {tenants.first.keys.project}"}
        assert (await client.get("/v1/models", headers=good)).status_code == 200
