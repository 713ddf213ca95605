"""Tool calls read out of the model's text."""

import json

import pytest

from sayso.core.chat import ChatEvent, TextDelta, Tool, ToolCallDelta
from sayso.engines.openvino.calls import FreeReader, NamedReader, Reader, RequiredReader

TOOLS = (Tool("weather"), Tool("time"))
CALL = '<tool_call>{"name": "weather", "arguments": {"city": "Zürich"}}</tool_call>'


def read(reader: Reader, text: str, size: int) -> list[ChatEvent]:
    events: list[ChatEvent] = []
    for start in range(0, len(text), size):
        events += reader.feed(text[start : start + size], (), 1)
        if reader.full:
            break
    return events + reader.end(1)


def content(events: list[ChatEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def calls(events: list[ChatEvent]) -> list[tuple[int, str | None, str]]:
    found: dict[int, tuple[str | None, str]] = {}
    for event in events:
        if isinstance(event, ToolCallDelta):
            name, text = found.get(event.call, (event.name, ""))
            assert (event.name is None) == (event.id is None)
            found[event.call] = (name, text + event.arguments)
    return [(call, *rest) for call, rest in found.items()]


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_required_takes_the_envelope_off(size: int) -> None:
    events = read(RequiredReader(0), '{"name": "weather", "arguments": {"a": {"b": "}"}}}', size)
    assert calls(events) == [(0, "weather", '{"a": {"b": "}"}}')]
    assert content(events) == ""


def test_required_streams_arguments_as_they_come() -> None:
    reader = RequiredReader(0)
    reader.feed('{"name": "weather", "arguments": {"ci', (), 1)
    assert [e.arguments for e in reader.feed('ty": "P', (), 2) if isinstance(e, ToolCallDelta)] == ['ity": "']
    assert reader.reason("stop") == "tool_calls"
    assert reader.reason("length") == "length"


def test_named_passes_everything_on_and_ends_in_stop() -> None:
    reader = NamedReader(2, "time")
    events = read(reader, '{"a": 1}', 2)
    assert calls(events) == [(0, "time", '{"a": 1}')]
    assert {event.index for event in events if isinstance(event, ToolCallDelta)} == {2}
    assert reader.reason("stop") == "stop"


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_free_finds_calls_between_text(size: int) -> None:
    reader = FreeReader(0, TOOLS, parallel=True)
    events = read(reader, f"Well. {CALL}\n{CALL.replace('weather', 'time')}", size)
    assert content(events) == "Well. "
    assert calls(events) == [(0, "weather", '{"city": "Zürich"}'), (1, "time", '{"city": "Zürich"}')]
    assert reader.reason("stop") == "tool_calls"


def test_free_stops_after_one_call_where_parallel_calls_are_off() -> None:
    reader = FreeReader(0, TOOLS, parallel=False)
    events = read(reader, CALL + CALL, 5)
    assert len(calls(events)) == 1
    assert reader.full


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "a < b and <tool",
        "<tool_call>not json</tool_call> after",
        '<tool_call>{"name": "unknown", "arguments": {}}</tool_call>',
        "<tool_call>{}",
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_free_loses_no_text_that_is_no_call(text: str, size: int) -> None:
    reader = FreeReader(0, TOOLS, parallel=True)
    events = read(reader, text, size)
    assert content(events) == text
    assert calls(events) == []
    assert reader.reason("stop") == "stop"


def test_free_does_not_hold_plain_text_back() -> None:
    reader = FreeReader(0, TOOLS, parallel=True)
    assert content(reader.feed("Hello", (), 1)) == "Hello"
    assert content(reader.feed(" <b>", (), 2)) == " <b>"


def test_free_reads_a_call_that_lacks_its_end() -> None:
    events = read(FreeReader(0, TOOLS, parallel=True), CALL.removesuffix("</tool_call>"), 4)
    assert json.loads(calls(events)[0][2]) == {"city": "Zürich"}
