"""Salts belong to organizations, and only the server can make them."""

import hmac

from sayso.catalog.snapshot import PackageSource, Snapshot
from sayso.core.caller import Caller
from sayso.core.chat import ChatRequest, CompletionRequest, Message
from sayso.engines.base import EngineInfo
from sayso.ids import KeyId, OrgId, ProjectId, RequestId
from sayso.inference.admission import Origin
from sayso.inference.cache_salt import CacheSalts
from sayso.inference.chat import run_chat, run_completion
from sayso.inference.routing import ChatRoute
from tests.unit.inference.listening_engine import Listener

PEPPER = b"p" * 32


def caller(organization: str, project: str = "proj_1", key: str = "key_1") -> Caller:
    return Caller(OrgId(organization), ProjectId(project), KeyId(key))


def test_an_organization_has_one_salt_on_every_server_of_its_database() -> None:
    salts = CacheSalts.under(PEPPER)
    mine = salts.of(caller("org_1"))
    assert len(mine) == 43
    assert CacheSalts.under(PEPPER).of(caller("org_1", "proj_2", "key_2")) == mine
    assert salts.of(caller("org_2")) != mine
    assert CacheSalts.under(b"q" * 32).of(caller("org_1")) != mine
    assert CacheSalts().of(caller("org_1")) != CacheSalts().of(caller("org_1"))


def test_the_secret_is_not_the_one_that_it_comes_from_and_is_not_shown() -> None:
    salts = CacheSalts.under(PEPPER)
    assert salts.of(caller("org_1")) != CacheSalts(PEPPER).of(caller("org_1"))
    assert salts.secret not in (PEPPER, hmac.digest(PEPPER, b"", "sha256"))
    assert "secret" not in repr(salts)


def test_what_may_not_be_kept_is_shared_with_no_other_request() -> None:
    salts = CacheSalts.under(PEPPER)
    seen = {salts.of(caller("org_1"), keep=False) for _ in range(3)} | {salts.of(caller("org_1"))}
    assert len(seen) == 4


async def test_what_is_not_kept_has_a_salt_of_its_own_whatever_it_came_with() -> None:
    salts = CacheSalts.under(PEPPER)
    origin = Origin(caller("org_1"), RequestId("req_1"), "chat")
    engine = Listener()
    route = ChatRoute("m", Snapshot("m", "chat", "fake", PackageSource()), engine, EngineInfo("fp"))
    chat = ChatRequest("m", (Message("user", "Hi"),), cache_salt="forged")
    completion = CompletionRequest("m", ("Hi",), cache_salt="forged")
    async for _ in run_chat(route, origin, chat, engine, salts=salts):
        pass
    async for _ in run_completion(route, origin, completion, engine, salts=salts):
        pass
    heard = [request.cache_salt for request in engine.heard]
    assert len({*heard, "forged", salts.of(origin.caller)}) == 4
