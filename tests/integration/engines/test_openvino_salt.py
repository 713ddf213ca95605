"""The real prefix cache serves a salt what the same salt has had read, and nothing else."""

import math
import uuid
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import pytest

from sayso.core.chat import (
    ChatRequest,
    CompletionRequest,
    Finished,
    JsonObjectFormat,
    Message,
    Sampling,
    TextDelta,
    TokenLogprob,
)
from sayso.engines.config import BATCH_TOKENS
from sayso.engines.openvino.engine import OpenVinoChatEngine
from sayso.errors import InvalidRequest

GREEDY = Sampling(temperature=0)
LONG = "The quick brown fox jumps over the lazy dog and runs away. " * 45  # more than one step reads


@dataclass(frozen=True)
class Answer:
    """What came, and the steps of the pipeline that it took: one more where the prompt had to be read."""

    text: str
    logprobs: tuple[TokenLogprob, ...]
    prompt_tokens: int
    cached_tokens: int
    steps: int


class Counted:
    """The engine's pipeline, which counts its steps."""

    def __init__(self, pipeline: Any) -> None:
        self.pipeline = pipeline
        self.steps = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.pipeline, name)

    def step(self) -> None:
        self.steps += 1
        self.pipeline.step()


@pytest.fixture
def counted(engine: OpenVinoChatEngine) -> Iterator[Counted]:
    steps = engine._steps
    counted = Counted(steps._pipeline)
    steps._pipeline = counted
    yield counted
    steps._pipeline = counted.pipeline


async def answer(
    engine: OpenVinoChatEngine, request: ChatRequest | CompletionRequest, counted: Counted | None = None
) -> Answer:
    before = counted.steps if counted else 0
    stream = engine.chat(request) if isinstance(request, ChatRequest) else engine.complete(request)
    text = ""
    found: list[TokenLogprob] = []
    async with aclosing(stream) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                text += event.text
                found += event.logprobs
    assert isinstance(event, Finished)
    used = event.usage
    steps = counted.steps - before if counted else 0
    return Answer(text, tuple(found), used.prompt_tokens, used.cached_tokens, steps)


def fresh(kind: str) -> ChatRequest | CompletionRequest:
    """Return a request for one token, with a prompt that nobody has begun with before."""
    text = f"{uuid.uuid4().hex} {LONG}"
    if kind == "chat":
        return ChatRequest("m", (Message("system", text),), GREEDY, max_tokens=1)
    ids = tuple(500 + byte for byte in uuid.uuid4().bytes) * 34  # those below 273 may be half a character
    return CompletionRequest("m", (ids if kind == "ids" else text,), GREEDY, max_tokens=1)


@pytest.mark.parametrize("kind", ["chat", "ids"])
async def test_only_equal_salts_share_what_was_read(
    engine: OpenVinoChatEngine, counted: Counted, kind: str
) -> None:
    request = fresh(kind)
    first, second, other = [
        await answer(engine, replace(request, cache_salt=salt), counted) for salt in ("mine", "mine", "yours")
    ]
    assert first.prompt_tokens > BATCH_TOKENS
    unread = math.ceil(first.prompt_tokens / BATCH_TOKENS)
    assert (first.steps, first.cached_tokens) == (unread, 0)
    assert (second.steps, second.cached_tokens) == (1, second.prompt_tokens // 32 * 32 - (kind == "ids"))
    assert (other.steps, other.cached_tokens) == (unread, 0)
    assert first.text == second.text == other.text != ""


async def test_a_request_without_a_salt_shares_nothing(engine: OpenVinoChatEngine, counted: Counted) -> None:
    request = fresh("chat")
    salted = [await answer(engine, replace(request, cache_salt=salt), counted) for salt in ("mine", "", "")]
    unread = math.ceil(salted[0].prompt_tokens / BATCH_TOKENS)
    assert unread > 1
    assert [(one.steps, one.cached_tokens) for one in salted] == [(unread, 0)] * 3


async def test_short_prompts_are_parted_too(engine: OpenVinoChatEngine) -> None:
    for length in (2, 33):
        ids = tuple(300 + byte for byte in (uuid.uuid4().bytes * 3)[:length])
        request = CompletionRequest("m", (ids,), GREEDY, max_tokens=6, logprobs=0)
        mine = await answer(engine, replace(request, cache_salt="mine"))
        yours = await answer(engine, replace(request, cache_salt="yours"))
        assert yours.cached_tokens == 0
        assert mine.logprobs == yours.logprobs


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"sampling": Sampling(temperature=0, presence_penalty=2.0, frequency_penalty=2.0)},
        {"sampling": Sampling(temperature=1.0, seed=4)},
        {"response_format": JsonObjectFormat()},
    ],
)
async def test_no_salt_changes_an_answer(
    engine: OpenVinoChatEngine, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    question = f"{uuid.uuid4().hex[:6]}: describe a dog, a dog, a dog in JSON."
    plain = ChatRequest("m", (Message("user", question),), GREEDY, max_tokens=8, logprobs=True)
    request = replace(plain, **more)
    answers = [await answer(engine, replace(request, cache_salt=salt)) for salt in ("mine", "yours")]
    monkeypatch.setattr(engine, "_caching", False)
    answers.append(await answer(engine, request))
    assert answers[0].logprobs
    assert len({(one.text, one.logprobs, one.prompt_tokens) for one in answers}) == 1


@pytest.mark.parametrize("token", [2**32 + 5, 49_152, -1])
async def test_a_salt_does_not_come_with_a_prompt(engine: OpenVinoChatEngine, token: int) -> None:
    with pytest.raises(InvalidRequest):
        await answer(engine, CompletionRequest("m", ((token, 5, 6),), GREEDY, max_tokens=1))


async def test_an_echo_shows_the_prompt_without_its_salt(engine: OpenVinoChatEngine) -> None:
    said = CompletionRequest("m", ("Say it again",), GREEDY, max_tokens=1, cache_salt="mine", echo=True)
    ids = replace(said, prompts=(tuple(engine._prompts.text("Say it again")),))
    for request in (said, ids):
        assert (await answer(engine, request)).text.startswith("Say it again")


@pytest.mark.long
async def test_where_salt_would_change_answers_nothing_is_cached(
    engine: OpenVinoChatEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sayso.engines.openvino.engine.takes_salt", lambda _: False)
    request = replace(fresh("chat"), cache_salt="mine")
    expected = await answer(engine, request)
    bare = OpenVinoChatEngine.load(engine._config)
    try:
        counted = Counted(bare._steps._pipeline)
        bare._steps._pipeline = counted
        answers = [await answer(bare, request, counted) for _ in range(2)]
    finally:
        bare.close()
    unread = math.ceil(expected.prompt_tokens / BATCH_TOKENS)
    assert unread > 1
    assert [(one.steps, one.cached_tokens) for one in answers] == [(unread, 0)] * 2
    assert [one.text for one in answers] == [expected.text] * 2
