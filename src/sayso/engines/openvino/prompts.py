"""A conversation as the token ids that the model was trained on."""

import json
import secrets
from collections.abc import Sequence
from typing import Any

from sayso.core.chat import Message, Tool, ToolCall
from sayso.engines.openvino.vocabulary import Vocabulary

_PROBE = 65_536  # tokens

CALL_OPEN = "<tool_call>"
CALL_CLOSE = "</tool_call>"


class PromptEncoder:
    """Renders and encodes prompts with the model's own tokenizer and chat template.

    A special token that is written out in a message's content is encoded as plain text: nobody forges a
    turn. Roles that templates do not know become text in roles that they do.
    """

    def __init__(self, tokenizer: Any, vocabulary: Vocabulary, context_length: int) -> None:
        self._tokenizer = tokenizer
        self._cut = 0  # the number of tokens at which the tokenizer silently cuts a text; 0 for none
        expected = max(context_length, _PROBE)
        probe = len(self._encode("a " * expected))
        self._cut = probe if probe < expected else 0
        self._specials = tuple(text for text in vocabulary.special_texts if len(text) > 1)
        self._knows_tools = "tools" in str(tokenizer.chat_template)
        blank = {vocabulary.raw[token]: token for token in vocabulary.special}
        starts = (blank.get(b"<|endoftext|>"), tokenizer.get_bos_token_id(), tokenizer.get_eos_token_id())
        self._blank = next(int(token) for token in starts if token is not None and token >= 0)

    def text(self, text: str) -> list[int]:
        """Encode raw text, special tokens included; the empty text becomes one token."""
        return self._encode(text) or [self._blank]

    def chat(self, messages: Sequence[Message], tools: Sequence[Tool], *, rule: str = "") -> list[int]:
        """Encode a conversation up to where the assistant begins to write.

        `tools` are described to the model, with `rule` for how to use them.
        """
        mark = f"\ue000{secrets.token_hex(8)}\ue001"
        turns = [self._turn(message, mark) for message in messages]
        specifications: list[dict[str, Any]] = []
        if tools and self._knows_tools and not rule:
            specifications = [{"type": "function", "function": _described(tool)} for tool in tools]
        elif tools:
            lines = [json.dumps(_described(tool), ensure_ascii=False) for tool in tools]
            turns = _told(turns, self._guard("\n".join([_TOOLS, *lines, rule or _FREE]), mark))
        rendered = self._render(turns, specifications)
        return [token for piece in rendered.split(mark) for token in self._encode(piece)]

    def _render(self, turns: list[dict[str, str]], specifications: list[dict[str, Any]]) -> str:
        more = {"tools": specifications} if specifications else {}
        try:
            return str(self._tokenizer.apply_chat_template(turns, True, **more))
        except RuntimeError:  # the template refuses an order of roles: give it the plainest one
            return str(self._tokenizer.apply_chat_template(_plainest(turns), True, **more))

    def _turn(self, message: Message, mark: str) -> dict[str, str]:
        content = self._guard(message.content or "", mark)
        match message.role:
            case "developer" | "system":
                return {"role": "system", "content": content}
            case "tool" | "function":
                return {"role": "user", "content": f"<tool_response>\n{content}\n</tool_response>"}
            case "assistant":
                calls = "\n".join(map(_written, message.tool_calls))
                both = "\n".join(filter(None, (content, self._guard(calls, mark))))
                return {"role": "assistant", "content": both}
            case "user":
                named = f"{self._guard(message.name, mark)}: {content}" if message.name else content
                return {"role": "user", "content": named}

    def _guard(self, text: str, mark: str) -> str:
        """Split every special token in `text` in two, so that its halves are encoded apart."""
        for special in self._specials:
            if special in text:
                text = text.replace(special, special[0] + mark + special[1:])
        return text

    def _encode(self, text: str) -> list[int]:
        if not text:
            return []
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).input_ids.data[0].tolist()
        if not self._cut or len(ids) < self._cut or len(text) < 2:
            return ids
        middle = len(text) // 2
        space = text.rfind(" ", 1, middle)
        split = space if space > 0 else middle
        return self._encode(text[:split]) + self._encode(text[split:])


_TOOLS = "You can call these functions. Each line is a JSON description with the schema of its parameters:"
_FREE = (
    f"To call a function, write nothing but {CALL_OPEN}"
    f'{{"name": "the function\'s name", "arguments": {{…}}}}{CALL_CLOSE}. Otherwise answer as usual.'
)


def _written(call: ToolCall) -> str:
    """Return a past call as the model was taught to write one."""
    arguments = call.arguments or "{}"
    return f'{CALL_OPEN}\n{{"name": {json.dumps(call.name)}, "arguments": {arguments}}}\n{CALL_CLOSE}'


def _described(tool: Tool) -> dict[str, Any]:
    described: dict[str, Any] = {"name": tool.name}
    if tool.description:
        described["description"] = tool.description
    return {**described, "parameters": tool.parameters or {"type": "object", "properties": {}}}


def _told(turns: list[dict[str, str]], text: str) -> list[dict[str, str]]:
    """Add `text` to the first system turn, or before all turns."""
    if turns and turns[0]["role"] == "system":
        return [{"role": "system", "content": f"{turns[0]['content']}\n\n{text}"}, *turns[1:]]
    return [{"role": "system", "content": text}, *turns]


def _plainest(turns: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return one system turn in front, then user and assistant by turns, the user first."""
    system = "\n\n".join(turn["content"] for turn in turns if turn["role"] == "system")
    plain = [{"role": "system", "content": system}] if system else []
    for turn in (turn for turn in turns if turn["role"] != "system"):
        if plain and plain[-1]["role"] == turn["role"]:
            plain[-1] = {"role": turn["role"], "content": f"{plain[-1]['content']}\n\n{turn['content']}"}
        elif turn["role"] == "assistant" and (not plain or plain[-1]["role"] == "system"):
            plain += [{"role": "user", "content": ""}, dict(turn)]
        else:
            plain.append(dict(turn))
    return plain
