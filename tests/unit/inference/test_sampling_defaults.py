"""A snapshot's advice is taken where a request says nothing about sampling, and only there."""

import pytest

from sayso.catalog.snapshot import PackageSource, Snapshot
from sayso.core.caller import Caller
from sayso.core.chat import ChatRequest, CompletionRequest, Message, Sampling
from sayso.engines.base import EngineInfo
from sayso.ids import KeyId, OrgId, ProjectId, RequestId
from sayso.inference.admission import Origin
from sayso.inference.cache_salt import CacheSalts
from sayso.inference.chat import run_chat, run_completion
from sayso.inference.routing import ChatRoute
from tests.unit.inference.listening_engine import Listener

ORIGIN = Origin(Caller(OrgId("org_1"), ProjectId("proj_1"), KeyId("key_1")), RequestId("req_1"), "chat")
ADVISED = Snapshot("m", "chat", "fake", PackageSource(), temperature=0.2, top_p=0.9)


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        (Sampling(), (0.2, 0.9)),
        (Sampling(seed=3), (0.2, 0.9)),
        (Sampling(temperature=1.0), (1.0, None)),
        (Sampling(temperature=0.0), (0.0, None)),
        (Sampling(top_p=0.5), (None, 0.5)),
    ],
)
async def test_advice_is_for_who_says_nothing(asked: Sampling, used: tuple[float, float]) -> None:
    engine = Listener()
    route = ChatRoute("m", ADVISED, engine, EngineInfo("fp"))
    chat = ChatRequest("m", (Message("user", "Hi"),), asked)
    completion = CompletionRequest("m", ("Hi",), asked)
    async for _ in run_chat(route, ORIGIN, chat, engine, salts=CacheSalts()):
        pass
    async for _ in run_completion(route, ORIGIN, completion, engine, salts=CacheSalts()):
        pass
    heard = [request.sampling for request in engine.heard]
    assert [(sampling.temperature, sampling.top_p) for sampling in heard] == [used, used]
    assert all(sampling.seed == asked.seed for sampling in heard)


def test_the_advice_is_part_of_what_a_snapshot_is() -> None:
    plain = Snapshot("m", "chat", "fake", PackageSource())
    assert plain.digest != ADVISED.digest
