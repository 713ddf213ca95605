"""Which servers are told an organization's salt."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from sayso.core.chat import ChatRequest, CompletionRequest, Message
from sayso.engines.base import EngineInfo
from sayso.engines.hosted import HostedChatEngine
from sayso.engines.upstream.chat import UpstreamChatEngine
from sayso.engines.wire.chat_request import decode_chat_request, decode_completion_request

CHAT = ChatRequest("m", (Message("user", "Hi"),), id="req_1", cache_salt="salt")
COMPLETION = CompletionRequest("m", ("Hi",), id="req_1", cache_salt="salt")


class Wire:
    """A connection that remembers bodies, and the host that it belongs to."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.connection = self
        self.config = self
        self.snapshot = "m"

    async def post_json(self, path: str, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        self.bodies.append(body)
        yield {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 0}}


async def sent(engine: UpstreamChatEngine, wire: Wire) -> list[dict[str, Any]]:
    for events in (engine.chat(CHAT), engine.complete(COMPLETION)):
        async for _ in events:
            pass
    return wire.bodies


@pytest.mark.parametrize(("salted", "salts"), [(True, ["salt"] * 2), (False, [None] * 2)])
async def test_another_server_is_told_where_its_entry_says_so(salted: bool, salts: list[str]) -> None:
    wire = Wire()
    bodies = await sent(UpstreamChatEngine(wire, "m", EngineInfo(""), salted=salted), wire)  # type: ignore[arg-type]
    assert [body.get("cache_salt") for body in bodies] == salts
    assert salted or not any("cache_salt" in body for body in bodies)


async def test_a_host_reads_the_salt_that_it_is_sent() -> None:
    wire = Wire()
    chat, completion = await sent(HostedChatEngine(wire), wire)  # type: ignore[arg-type]
    assert decode_chat_request(chat) == CHAT
    assert decode_completion_request(completion) == COMPLETION
