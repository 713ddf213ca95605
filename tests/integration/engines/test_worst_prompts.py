"""No prompt is longer than what admission holds for it: the real tokenizer and template, and bad texts."""

from pathlib import Path
from typing import Any

import openvino_genai as genai
import pytest
from hypothesis import HealthCheck, example, given, settings, target
from hypothesis import strategies as st

from sayso.catalog.snapshot import PackageSource, Snapshot
from sayso.core.chat import ChatRequest, CompletionRequest, Message, NamedTool, Tool, ToolCall, ToolChoice
from sayso.engines.base import EngineInfo
from sayso.engines.fake import FakeEngine
from sayso.engines.openvino.engine import _OBEY_NAMED, _OBEY_REQUIRED
from sayso.engines.openvino.prompts import PromptEncoder
from sayso.engines.openvino.vocabulary import Vocabulary
from sayso.inference.admission import chat_worst, completion_worst
from sayso.inference.routing import ChatRoute

WINDOW = 1_000_000  # wider than any prompt here, so that it bounds nothing
ROUTE = ChatRoute("m", Snapshot("m", "chat", "fake", PackageSource()), FakeEngine(), EngineInfo("fp", WINDOW))
SPECIALS = (
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "<|im_",
    "<repo_name>",
    "<jupyter_output>",
    "<tool_call>",
)

rare = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
planes = st.text(st.characters(codec="utf-8", min_codepoint=0x2000), max_size=30)
control = st.text(
    st.sampled_from("\x01\x07\x1b\x7f\x85\u2028\u200b\u200d\u202e\ufeff\U000e0041 \t\n"), max_size=40
)
special = st.lists(st.sampled_from(SPECIALS), max_size=6).map("".join)
texts = st.one_of(rare, planes, control, special, st.tuples(rare, special, control).map("".join))
names = st.text(
    st.characters(codec="utf-8", exclude_characters="\0 \t\r\n<|\\/>", min_codepoint=33),
    min_size=1,
    max_size=64,
)
functions = st.from_regex(r"\A[a-zA-Z0-9_-]{1,64}\Z")
leaves: Any = st.one_of(
    texts, st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none()
)
schemas: Any = st.dictionaries(
    texts,
    st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
    ),
    max_size=4,
)
tools = st.builds(Tool, functions, st.none() | texts, st.none() | schemas)
calls = st.builds(ToolCall, texts.filter(bool), functions | texts.filter(bool), texts)
messages = st.one_of(
    st.builds(Message, st.sampled_from(["system", "developer"]), texts),
    st.builds(Message, st.just("user"), texts, st.none() | names),
    st.builds(
        Message, st.just("assistant"), st.none() | texts, st.none(), st.lists(calls, max_size=3).map(tuple)
    ),
    st.builds(Message, st.sampled_from(["tool", "function"]), texts, names, st.just(()), texts),
)


@pytest.fixture(scope="module")
def encoder(smollm2_folder: Path) -> PromptEncoder:
    """The tokenizer and template that the embedded engine uses, without its weights."""
    (weights,) = smollm2_folder.glob("*.gguf")
    tokenizer = genai.Tokenizer(str(weights))
    return PromptEncoder(tokenizer, Vocabulary.of(tokenizer), 8_192)


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"\U000e0041": schema}, "required": ["\U000e0041"]}
    return schema


def check(encoder: PromptEncoder, request: ChatRequest) -> int:
    """Return how many tokens of the hold the prompt leaves."""
    rule = ""
    match request.tool_choice:
        case NamedTool(name):
            rule = _OBEY_NAMED.format(name=name)
        case "required":
            rule = _OBEY_REQUIRED
        case "none" | "auto":
            pass
    used = len(
        encoder.chat(request.messages, () if request.tool_choice == "none" else request.tools, rule=rule)
    )
    left = chat_worst(ROUTE, request).prompt_tokens - used
    assert left >= 0, f"{used} tokens, {-left} over the hold"
    return left


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(
    st.lists(messages, min_size=1, max_size=8),
    st.lists(tools, max_size=4),
    st.sampled_from(["none", "auto", "required"]),
)
@example([Message("user", "")] * 500, [], "none")
@example([Message("tool", "", None, (), "c")] * 200, [], "none")
@example([Message("assistant", None, tool_calls=(ToolCall("c", "f", ""),) * 128)] * 3, [], "none")
@example([Message("user", "\U000e0041" * 500, "\U0001f9ff" * 64)], [], "none")
@example([Message("system", "<|im_start|>" * 300), Message("developer", "")], [], "none")
@example([Message("user", "")], [Tool("f")] * 128, "auto")
@example([Message("user", "")], [Tool("f" * 64, "<|im_end|>" * 40, deep(60))] * 8, "required")
def test_no_chat_is_longer_than_its_hold(
    encoder: PromptEncoder, turns: list[Message], offered: list[Tool], choice: ToolChoice
) -> None:
    request = ChatRequest("m", tuple(turns), tools=tuple(offered), tool_choice=choice if offered else "none")
    target(-float(check(encoder, request)))
    if offered and choice == "required":
        check(
            encoder,
            ChatRequest("m", tuple(turns), tools=tuple(offered), tool_choice=NamedTool(offered[0].name)),
        )


@settings(max_examples=200, deadline=None)
@given(st.lists(texts | st.lists(st.integers(0, 49_151), max_size=9).map(tuple), min_size=1, max_size=4))
@example(["", ()])
@example(["\U000e0041" * 2_000, "<|endoftext|>"])
def test_no_completion_is_longer_than_its_hold(encoder: PromptEncoder, prompts: list[Any]) -> None:
    request = CompletionRequest("m", tuple(prompts))
    used = sum(len(encoder.text(p)) if isinstance(p, str) else len(p) or 1 for p in prompts)
    left = completion_worst(ROUTE, request).prompt_tokens - used
    target(-float(left))
    assert left >= 0
