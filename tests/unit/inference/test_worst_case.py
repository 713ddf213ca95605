"""A worst case that nothing exceeds, and that is exact where it can be."""

from sayso.catalog.snapshot import PackageSource, Snapshot
from sayso.core.caller import Caller
from sayso.core.chat import ChatRequest, CompletionRequest, Message, Tool, ToolCall
from sayso.core.metering import Quantities
from sayso.core.speech import Audio
from sayso.engines.base import EngineInfo
from sayso.engines.fake import FakeEngine
from sayso.ids import KeyId, OrgId, ProjectId, RequestId
from sayso.inference.admission import (
    MESSAGE_TOKENS,
    TEMPLATE_TOKENS,
    Origin,
    chat_worst,
    completion_worst,
    prompt_bound,
    speech_reservation,
)
from sayso.inference.routing import ChatRoute, SpeechRoute

ORIGIN = Origin(Caller(OrgId("o"), ProjectId("p"), KeyId("k")), RequestId("r"), "chat.completions")
MESSAGE = Message("user", "héllo")


def route(window: int = 4096, answer_tokens: int = 0) -> ChatRoute:
    snapshot = Snapshot("m", "chat", "fake", PackageSource(), answer_tokens=answer_tokens)
    return ChatRoute("m", snapshot, FakeEngine(), EngineInfo("fp", window))


def worst(request: ChatRequest, on: ChatRoute) -> Quantities:
    return chat_worst(on, request)


def test_every_byte_may_be_a_token_and_the_window_is_never_exceeded() -> None:
    assert prompt_bound(ChatRequest("m", (MESSAGE,))) == 6 + MESSAGE_TOKENS + TEMPLATE_TOKENS
    long = ChatRequest("m", (Message("user", "x" * 10_000),), max_tokens=5)
    assert worst(long, route()) == Quantities(4096, 5)


def test_answers_are_bounded_by_the_request_then_the_snapshot_then_the_window() -> None:
    request = ChatRequest("m", (MESSAGE,), n=3)
    assert worst(request, route()).completion_tokens == 3 * 4095
    assert worst(request, route(answer_tokens=50)).completion_tokens == 150
    assert worst(ChatRequest("m", (MESSAGE,), n=3, max_tokens=7), route(answer_tokens=50)).tokens == (
        prompt_bound(request) + 21
    )


def test_tools_and_calls_are_part_of_the_prompt() -> None:
    plain = prompt_bound(ChatRequest("m", (MESSAGE,)))
    tool = Tool("f", "d" * 100, {"type": "object"})
    call = Message("assistant", None, tool_calls=(ToolCall("call_1", "f", "{}" * 50),))
    assert prompt_bound(ChatRequest("m", (MESSAGE,), tools=(tool,))) >= plain + 100
    assert prompt_bound(ChatRequest("m", (MESSAGE, call))) >= plain + 100


def test_every_prompt_of_a_completion_counts() -> None:
    request = CompletionRequest("m", ("abc", (1, 2)), max_tokens=4, n=2)
    assert completion_worst(route(), request) == Quantities(4 + 3, 16)


def test_audio_is_known_exactly() -> None:
    snapshot = Snapshot("s", "speech", "fake", PackageSource())
    speech = SpeechRoute("whisper-1", snapshot, FakeEngine(), EngineInfo("fp"))
    reservation = speech_reservation(ORIGIN, speech, Audio(memoryview(bytes(2 * 24_000))))
    assert reservation.worst == Quantities(audio_milliseconds=1_500)
