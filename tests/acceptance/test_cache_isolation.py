"""The prefix cache serves an organization what it has had read itself, and nothing of another."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from openai import OpenAI
from openai.types import CompletionUsage

from tests.acceptance.commands import sayso
from tests.acceptance.running_server import RunningServer

LONG = "A beginning that two organizations have in common, word for word. " * 12
SALTED = {"cache_salt": "a salt that a client would like to share"}


@pytest.fixture(scope="module")
def stranger(server: RunningServer) -> Iterator[OpenAI]:
    """A client of another organization."""
    organization = sayso(server.folder, "orgs", "create", "--name", "Stranger")["slug"]
    key = sayso(server.folder, "keys", "create", "--name", "theirs", "--org", organization)["key"]
    with OpenAI(base_url=server.base_url, api_key=key, max_retries=0) as made:
        yield made


def chat(client: OpenAI, text: str) -> CompletionUsage | None:
    return client.chat.completions.create(
        model="gpt-3.5-turbo",
        messages=[{"role": "system", "content": text}],
        temperature=0,
        max_tokens=1,
        extra_body=SALTED,
    ).usage


def streamed(client: OpenAI, text: str) -> CompletionUsage | None:
    chunks = client.chat.completions.create(
        model="gpt-3.5-turbo",
        messages=[{"role": "system", "content": text}],
        temperature=0,
        max_tokens=1,
        stream=True,
        stream_options={"include_usage": True},
        extra_body=SALTED,
    )
    return [chunk.usage for chunk in chunks][-1]


def completion(client: OpenAI, text: str) -> CompletionUsage | None:
    return client.completions.create(
        model="gpt-3.5-turbo", prompt=text, temperature=0, max_tokens=1, extra_body=SALTED
    ).usage


def cached(usage: CompletionUsage | None) -> int:
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    assert usage.prompt_tokens_details.cached_tokens is not None
    return usage.prompt_tokens_details.cached_tokens


@pytest.mark.parametrize("ask", [chat, streamed, completion])
def test_a_cache_is_shared_inside_an_organization_and_not_beyond(
    client: OpenAI, stranger: OpenAI, ask: Callable[[OpenAI, str], CompletionUsage | None]
) -> None:
    text = f"{uuid.uuid4()} {LONG}"
    assert cached(ask(client, text)) == 0
    assert cached(ask(stranger, text)) == 0
    assert cached(ask(client, text)) > 100
    assert cached(ask(stranger, text)) > 100


def test_without_retention_nobody_finds_a_prompt_again(server: RunningServer) -> None:
    organization = sayso(server.folder, "orgs", "create", "--name", "Forgetful")["slug"]
    key = sayso(server.folder, "keys", "create", "--name", "theirs", "--org", organization)["key"]
    sayso(server.folder, "retention", "set", "zero", "--org", organization)
    text = f"{uuid.uuid4()} {LONG}"
    with OpenAI(base_url=server.base_url, api_key=key, max_retries=0) as client:
        assert [cached(ask(client, text)) for ask in (chat, chat, completion, completion)] == [0, 0, 0, 0]
