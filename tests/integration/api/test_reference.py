"""The reference has every route, whole, and what it shows is true.

Its Python samples are run, and the answers that it prints are compared with theirs. After a change of an
answer's form: `RECORD_REFERENCE=1 pytest tests/integration/api/test_reference.py` writes them anew.
"""

import asyncio
import contextlib
import io
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import openai
import orjson
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.openapi.models import OpenAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import sayso.api.reference
from sayso.api.documentation.library import library
from sayso.api.reference.chapters import CHAPTERS
from sayso.api.reference.document import document, examples, operations, routes_without_note
from sayso.api.reference.samples import samples
from sayso.engines.fake import Script
from tests.integration.api.conftest import MakeWorld
from tests.integration.api.route_rows import ORG, PROJECT, ROWS
from tests.integration.api.tenants import Tenants, add_member, store_completions, two_tenants

RECORDED = Path(next(iter(sayso.api.reference.__path__))) / "examples.json"
CLIENTS = Path(os.environ.get("SAYSO_TEST_CLIENTS") or Path(__file__).parents[3] / "build" / "clients")
READS_BODY = {"read_body", "read_json", "read_form"}
READS_QUERY = {"query_params"}
STORED = "/v1/chat/completions/{completion_id}"
MODEL = {"model": "gpt-3.5-turbo", "snapshot": "fake-chat"}
ALIKE = {  # answers in the form of another route, which the world of this test has no occasion for
    f"POST {ORG}/model_aliases/rollback": f"POST {ORG}/model_aliases",
    f"POST {ORG}/instances/{{instance_id}}": f"GET {ORG}/instances/{{instance_id}}",
    f"POST {ORG}/invoices/{{month}}": f"GET {ORG}/invoices/{{month}}",
}
NEVER = {  # asked for, these refuse here: what they answer can not be shown
    "DELETE /v1/models/{model}",
    f"DELETE {ORG}/snapshots/{{snapshot}}",
    f"GET {ORG}/instances/{{instance_id}}/curve",
}
UNSEEN = re.compile(r"sk-sayso-[\w-]+")
REPLY = "Air scatters blue light more than red."
STANDS_FOR = {
    "fake-chat": "smollm2-135m-instruct-q4_1",
    "fake-speech": "whisper-base",
    "fp_fake": "fp_f37bcc648430",
    "ft:gpt/x:acme": "my-model",
}
MOST = 2  # items of a list that are shown


class Watched:
    """An application, and what it answered last."""

    def __init__(self, app: FastAPI) -> None:
        self.app: ASGIApp = app
        self.last = (0, b"")
        self.reads: set[str] = set()  # names that the endpoint of the last answer goes by

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, content = 0, b""

        async def watched(message: Message) -> None:
            nonlocal status, content
            status = message.get("status", status)
            content += message.get("body", b"")
            await send(message)

        await self.app(scope, receive, watched)
        self.last = (status, content)
        endpoint = scope.get("endpoint") or scope["route"].endpoint
        self.reads = set(endpoint.__code__.co_names)


@contextlib.asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    config = uvicorn.Config(app, port=0, http="httptools", lifespan="off", ws="none", log_config=None)
    server = uvicorn.Server(config)
    with config.bind_socket() as sock:
        sock.listen()  # who comes before the server has started waits
        task = asyncio.create_task(server.serve([sock]))
        try:
            yield f"http://127.0.0.1:{sock.getsockname()[1]}/v1"
        finally:
            server.should_exit = True
            await task


@pytest.fixture
async def tenants(make_world: MakeWorld, tmp_path: Path) -> AsyncIterator[Tenants]:
    async with two_tenants(
        make_world(script=Script(reply=REPLY)).services, f"sqlite:///{tmp_path / 'sayso.db'}"
    ) as made:
        await store_completions(made)
        yield made


def run(source: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(source, "sample", "exec"), {"__name__": "__main__"})


def run_node(source: str) -> None:
    Path("sample.mjs").write_text(source)
    subprocess.run(["node", "sample.mjs"], check=True, capture_output=True)


def run_shell(source: str) -> None:
    subprocess.run(
        ["bash", "-c", source.replace("curl ", "curl -s --fail ", 1)], check=True, capture_output=True
    )


RUN: dict[str, Callable[[str], None]] = {"Python": run, "Node": run_node, "curl": run_shell}


async def ids_of(tenants: Tenants, route: str, row_ids: dict[str, str]) -> dict[str, str]:
    known = tenants.first.ids | MODEL
    if route == f"POST {STORED}":
        await _hold_something_else(tenants)
    elif route == f"POST {PROJECT}/users":  # somebody who is not in yet
        known["user_id"] = await add_member(
            tenants.accounts, tenants.first.owner, "new@first.example", "reader"
        )
    return known | {name: known.get(other, other) for name, other in row_ids.items() if name not in MODEL}


async def _hold_something_else(tenants: Tenants) -> None:
    """Release the hold on the whole organization, under which nothing can be changed."""
    tenant = tenants.first
    async with tenants.client(tenant.keys.owner) as owner:
        await owner.post(f"{ORG}/legal_holds/{tenant.ids['hold_id']}/release")
        elsewhere = {"reason": "another", "project_id": tenant.elsewhere}
        held = await owner.post(f"{ORG}/legal_holds", json=elsewhere)
    tenant.ids["hold_id"] = held.json()["id"]


def names(value: Any) -> Any:
    """What stays the same in every run: the names at the top, and in the first item of a list."""
    if not isinstance(value, dict):
        return type(value).__name__
    data = value.get("data")
    first = data[0] if isinstance(data, list) and data else {}
    return {*value, *(f"data.{name}" for name in first)}


def told(content: bytes) -> Any:
    """An answer as the reference prints it: without secrets, and with the names of real models."""
    text = content.decode()
    for ours, real in STANDS_FOR.items():
        text = text.replace(ours, real)
    found = orjson.loads(UNSEEN.sub("sk-sayso-…", text))
    if isinstance(data := found.get("data"), list) and len(data) > MOST:
        del data[MOST:]
        found |= {"last_id": data[-1]["id"], "has_more": True} if "last_id" in found else {}
    return found


async def answers(tenants: Tenants, label: str) -> AsyncIterator[tuple[str, str, int, bytes]]:
    """Run one language's sample of every route, in an order in which all succeed; yield what came."""
    watched = Watched(tenants.app)
    noted = {(one.method, one.path): one for one in operations(tenants.app)}
    async with served(watched) as os.environ["OPENAI_BASE_URL"]:
        for (method, path), row in ROWS.items():
            route = f"{method} {path}"
            if route in NEVER or route in ALIKE:
                continue
            one, ids = noted[method, path], await ids_of(tenants, route, row.ids)
            found = samples(method, path, one.note, one.chapter.key, ids)
            source = next(sample["source"] for sample in found if sample["label"] == label)
            watched.last = (0, b"the request did not come")
            with contextlib.suppress(openai.APIStatusError, subprocess.CalledProcessError):
                await asyncio.to_thread(RUN[label], source)
            yield (route, source, *watched.last)
            body = one.note.body is not None or one.note.form is not None
            assert body == bool(watched.reads & READS_BODY), f"{route} and its body"
            assert bool(one.note.query) == bool(watched.reads & READS_QUERY), f"{route} and its query"


@pytest.fixture
def reader(tenants: Tenants, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tenants:
    """A reader's folder and environment, with keys of the first organization."""
    keys = tenants.first.keys
    monkeypatch.chdir(tmp_path)
    (tmp_path / "speech.mp3").write_bytes(b"PCM" + bytes(32_000))
    for name, value in (("API_KEY", keys.project), ("ADMIN_KEY", keys.owner), ("BASE_URL", "")):
        monkeypatch.setenv(f"OPENAI_{name}", value)
    return tenants


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # OpenAI's client warns of translations
async def test_the_samples_run_and_answer_what_is_shown(
    reader: Tenants, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}
    with httpx2.Client() as shared:  # quicker than one for each sample
        monkeypatch.setattr(openai, "OpenAI", partial(openai.OpenAI, http_client=shared, max_retries=0))
        async for route, source, status, content in answers(reader, "Python"):
            assert status == 200, f"{route}\n{source}\n{content.decode()}"
            found[route] = told(content)
    found |= {route: found[other] for route, other in ALIKE.items()}
    if "RECORD_REFERENCE" in os.environ:
        RECORDED.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        return
    assert {route: names(value) for route, value in found.items()} == {
        route: names(value) for route, value in examples().items()
    }
    shown = {
        f"{method} {path}" for chapter in CHAPTERS for method, path in chapter.routes if chapter.key != "none"
    }
    assert shown - set(examples()) == NEVER


@pytest.mark.long
@pytest.mark.timeout(600)  # a process for each sample
@pytest.mark.parametrize("label", ["Node", "curl"])
async def test_the_samples_in_other_languages_run(reader: Tenants, tmp_path: Path, label: str) -> None:
    if label == "Node":
        if shutil.which("node") is None or not (CLIENTS / "node_modules" / "openai").exists():
            pytest.skip("OpenAI's client for Node is not installed: make clients")
        (tmp_path / "node_modules").symlink_to(CLIENTS / "node_modules")
    async for route, source, status, content in answers(reader, label):
        assert status == 200, f"{route}\n{source}\n{content.decode()}"


async def test_every_route_is_described(tenants: Tenants) -> None:
    assert routes_without_note(tenants.app) == set()
    described = document(tenants.app)
    known = {section.title for section in library().pages["errors"].content.sections}
    for path, methods in described["paths"].items():
        for method, one in methods.items():
            route = f"{method.upper()} {path}"
            assert one["summary"], route
            assert one["description"].endswith("."), route
            assert {error["name"] for error in one["x-errors"]} <= known, route
            if route not in ("GET /livez", "GET /readyz", "GET /metrics", "GET /openapi.json"):
                assert [sample["label"] for sample in one["x-codeSamples"]] == ["curl", "Python", "Node"], (
                    route
                )
                assert {"401", "503"} <= set(one["responses"]), route
    titles = [one["summary"] for methods in described["paths"].values() for one in methods.values()]
    assert len(set(titles)) == len(titles)


async def test_the_document_is_valid_openapi(tenants: Tenants) -> None:
    async with tenants.client(None) as client:
        found = (await client.get("/openapi.json")).json()
    assert found == orjson.loads(orjson.dumps(document(tenants.app)))
    OpenAPI.model_validate(found)
    named = set(re.findall(r"#/components/schemas/(\w+)", orjson.dumps(found).decode()))
    assert named <= set(found["components"]["schemas"])


async def test_a_page_shows_each_route_of_its_chapter(tenants: Tenants) -> None:
    async with tenants.client(None) as client:
        for chapter in CHAPTERS:
            page = (await client.get(f"/docs/reference/{chapter.name}")).text.replace("<wbr>", "")
            source = (await client.get(f"/docs/reference/{chapter.name}.md")).text
            for (method, path), note in chapter.routes.items():
                assert f"<code>{method} {path}</code>" in page
                assert f"## {note.title}\n\n`{method} {path}`" in source
