"""Tool calls in the model's text: forced by a grammar, or written freely in the taught form."""

import json
from typing import Protocol

from sayso.core.chat import ChatEvent, FinishReason, JsonObject, TextDelta, TokenLogprob, Tool, ToolCallDelta
from sayso.engines.openvino.grammar import Grammar, either, literal
from sayso.engines.openvino.prompts import CALL_CLOSE, CALL_OPEN
from sayso.engines.openvino.schema import SchemaCompiler, dump, plain
from sayso.ids import new_tool_call_id

Logprobs = tuple[TokenLogprob, ...]

_ARGUMENTS = ', "arguments": '


def named_grammar(tool: Tool) -> str:
    """Return the grammar of one function's arguments. Raises `SchemaRefused`."""
    schema = _parameters(tool)
    compiler = SchemaCompiler(schema)
    return compiler.grammar.text(compiler.value(schema))


def required_grammar(tools: tuple[Tool, ...]) -> str:
    """Return the grammar of a call, name and arguments, of any of the functions. Raises `SchemaRefused`."""
    grammar = Grammar()
    choices = []
    for tool in tools:
        schema = _parameters(tool)
        head = literal(f'{{"name": {dump(tool.name)}{_ARGUMENTS}')
        choices.append(f'{head} {SchemaCompiler(schema, grammar).value(schema)} "}}"')
    return grammar.text(either(choices))


class Reader(Protocol):
    """Turns the text of one choice into events; `full` is true once no more text is wanted."""

    full: bool

    def feed(self, text: str, logprobs: Logprobs, total: int) -> list[ChatEvent]:
        """Take more text; `total` is the request's completion tokens so far."""
        ...

    def end(self, total: int) -> list[ChatEvent]:
        """Take the end of the text."""
        ...

    def reason(self, reason: FinishReason) -> FinishReason:
        """Return the finish reason where the model's own end was `reason`."""
        ...


class TextReader:
    """All text is content."""

    __slots__ = ("_index", "full")

    def __init__(self, index: int) -> None:
        self._index = index
        self.full = False

    def feed(self, text: str, logprobs: Logprobs, total: int) -> list[ChatEvent]:
        """Pass the text on."""
        return [TextDelta(self._index, text, logprobs, total)] if text or logprobs else []

    def end(self, total: int) -> list[ChatEvent]:
        """Nothing is held back."""
        return []

    def reason(self, reason: FinishReason) -> FinishReason:
        """Keep the reason."""
        return reason


class NamedReader:
    """All text is the arguments of one forced function; the reason stays `stop`, as OpenAI's does."""

    __slots__ = ("_index", "_name", "_started", "full")

    def __init__(self, index: int, name: str) -> None:
        self._index = index
        self._name = name
        self._started = False
        self.full = False

    def feed(self, text: str, logprobs: Logprobs, total: int) -> list[ChatEvent]:
        """Pass the arguments on, after the call's id and name."""
        events: list[ChatEvent] = []
        if not self._started:
            self._started = True
            events.append(ToolCallDelta(self._index, 0, "", new_tool_call_id(), self._name, total))
        if text:
            events.append(ToolCallDelta(self._index, 0, text, completion_tokens=total))
        return events

    def end(self, total: int) -> list[ChatEvent]:
        """Announce the call even where no token came."""
        return [] if self._started else self.feed("", (), total)

    def reason(self, reason: FinishReason) -> FinishReason:
        """Keep the reason."""
        return reason


class RequiredReader:
    """A call in the form of `required_grammar`: the envelope comes off, the arguments pass as they come."""

    __slots__ = ("_head", "_index", "_open", "_text", "full")

    def __init__(self, index: int) -> None:
        self._index = index
        self._head = ""
        self._text = ""  # at most the last character, which may close the envelope
        self._open = False
        self.full = False

    def feed(self, text: str, logprobs: Logprobs, total: int) -> list[ChatEvent]:
        """Pass on what is certainly argument text."""
        events: list[ChatEvent] = []
        if not self._open:
            self._head += text
            head, found, text = self._head.partition(_ARGUMENTS)
            if not found:
                return []
            self._open = True
            name = json.loads(head + "}")["name"]
            events.append(ToolCallDelta(self._index, 0, "", new_tool_call_id(), name, total))
        held = self._text + text
        passed, self._text = held[:-1], held[-1:]
        if passed:
            events.append(ToolCallDelta(self._index, 0, passed, completion_tokens=total))
        return events

    def end(self, total: int) -> list[ChatEvent]:
        """Drop the envelope's end."""
        return []

    def reason(self, reason: FinishReason) -> FinishReason:
        """A call that is complete ends in `tool_calls`."""
        return "tool_calls" if reason == "stop" else reason


class FreeReader:
    """Content, and a call wherever the model writes one in the taught form."""

    __slots__ = ("_calls", "_index", "_names", "_parallel", "_text", "full")

    def __init__(self, index: int, tools: tuple[Tool, ...], *, parallel: bool) -> None:
        self._index = index
        self._names = frozenset(tool.name for tool in tools)
        self._parallel = parallel
        self._text = ""
        self._calls = 0
        self.full = False

    def feed(self, text: str, logprobs: Logprobs, total: int) -> list[ChatEvent]:
        """Pass content on at once, unless it may be the beginning of a call."""
        if not self._text and "<" not in text and not self._calls:
            return [TextDelta(self._index, text, logprobs, total)] if text or logprobs else []
        self._text += text
        events: list[ChatEvent] = []
        while not self.full:
            before, found, rest = self._text.partition(CALL_OPEN)
            if not found:
                keep = _overlap(self._text, CALL_OPEN)
                cut = len(self._text) - keep
                events += self._content(self._text[:cut], logprobs, total)
                self._text = self._text[cut:]
                break
            block, closed, after = rest.partition(CALL_CLOSE)
            if not closed:
                events += self._content(before, logprobs, total)
                self._text = CALL_OPEN + rest
                break
            call = self._call(block, total)
            events += self._content(
                before if call else before + CALL_OPEN + block + CALL_CLOSE, logprobs, total
            )
            events += call
            self._text = after
        return events

    def end(self, total: int) -> list[ChatEvent]:
        """Let go of what never became a call, or of a call that only lacks its end."""
        text, self._text = self._text, ""
        if self.full or not text:
            return []
        if text.startswith(CALL_OPEN):
            call = self._call(text[len(CALL_OPEN) :], total)
            if call:
                return call
        return self._content(text, (), total)

    def reason(self, reason: FinishReason) -> FinishReason:
        """An answer that called ends in `tool_calls`."""
        return "tool_calls" if self._calls and reason == "stop" else reason

    def _content(self, text: str, logprobs: Logprobs, total: int) -> list[ChatEvent]:
        if self._calls and not text.strip():
            return []  # the space between calls
        return [TextDelta(self._index, text, logprobs, total)] if text else []

    def _call(self, block: str, total: int) -> list[ChatEvent]:
        try:
            call = json.loads(block)
        except ValueError:
            return []
        if not isinstance(call, dict) or call.get("name") not in self._names:
            return []
        arguments = call.get("arguments", {})
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        event = ToolCallDelta(self._index, self._calls, text, new_tool_call_id(), call["name"], total)
        self._calls += 1
        self.full = not self._parallel
        return [event]


def _overlap(text: str, opening: str) -> int:
    return next(
        (n for n in range(min(len(opening) - 1, len(text)), 0, -1) if opening.startswith(text[-n:])), 0
    )


def _parameters(tool: Tool) -> JsonObject:
    """Return the schema of a function's arguments, which are an object whatever the schema says of that."""
    schema = plain(tool.parameters)
    if "$ref" in schema or any(k in schema for k in ("anyOf", "oneOf", "allOf")):
        return schema
    return {**schema, "type": "object", "properties": schema.get("properties", {})}
