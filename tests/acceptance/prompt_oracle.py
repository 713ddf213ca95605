"""How many tokens a prompt has, told by another tokenizer: Hugging Face's, fed from the weights' own file.

Nothing of the engine is used: vocabulary, merges and chat template come out of the GGUF file, the template is
rendered by Jinja, and what the documentation says of roles, names and tools is written down here again.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from gguf import GGUFReader
from tokenizers import AddedToken, Tokenizer, pre_tokenizers
from tokenizers.models import BPE

_CONTROL = 3  # GGUF's type of a token that is never text
_HALF = "\ue123\ue321"  # between the halves of a special token that somebody wrote out
_TOOLS = "You can call these functions. Each line is a JSON description with the schema of its parameters:"
_FREE = (
    'To call a function, write nothing but <tool_call>{"name": "the function\'s name", "arguments": {…}}'
    "</tool_call>. Otherwise answer as usual."
)
_REQUIRED = 'Call one function: write nothing but {"name": "…", "arguments": {…}}.'


@dataclass
class PromptOracle:
    """Counts the tokens of SmolLM2's prompts."""

    tokenizer: Tokenizer
    template: jinja2.Template
    specials: tuple[str, ...]

    @classmethod
    def load(cls, weights: Path) -> "PromptOracle":
        """Read a GGUF file whose tokenizer is of the kind `gpt2` with the pre-tokenizer `smollm`."""
        fields = GGUFReader(weights).fields
        read = {
            name: fields[f"tokenizer.{name}"].contents()
            for name in ("ggml.model", "ggml.pre", "chat_template")
        }
        assert (read["ggml.model"], read["ggml.pre"]) == ("gpt2", "smollm")
        texts: list[str] = fields["tokenizer.ggml.tokens"].contents()
        kinds: list[int] = fields["tokenizer.ggml.token_type"].contents()
        merges: list[str] = fields["tokenizer.ggml.merges"].contents()
        pairs = [(left, right) for left, right in (merge.split(" ") for merge in merges)]
        tokenizer = Tokenizer(BPE({text: token for token, text in enumerate(texts)}, pairs))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
        specials = tuple(text for text, kind in zip(texts, kinds, strict=True) if kind == _CONTROL)
        tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in specials])
        environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, autoescape=False)
        return cls(tokenizer, environment.from_string(read["chat_template"]), specials)

    def text(self, text: str) -> int:
        """Count a completion's prompt, in which special tokens are what they look like."""
        return len(self.tokenizer.encode(text, add_special_tokens=False).ids) or 1

    def chat(self, body: dict[str, Any]) -> int:
        """Count the prompt of a chat completion's request."""
        turns = [self._turn(message) for message in body["messages"]]
        if body.get("tools") and body.get("tool_choice") != "none":
            lines = [json.dumps(_described(tool["function"]), ensure_ascii=False) for tool in body["tools"]]
            rule = _REQUIRED if body.get("tool_choice") == "required" else _FREE
            told = self._plain("\n".join([_TOOLS, *lines, rule]))
            if turns[0]["role"] == "system":
                turns[0]["content"] += f"\n\n{told}"
            else:
                turns.insert(0, {"role": "system", "content": told})
        whole = self.template.render(messages=turns, add_generation_prompt=True)
        return sum(
            len(self.tokenizer.encode(part, add_special_tokens=False).ids) for part in whole.split(_HALF)
        )

    def _turn(self, message: dict[str, Any]) -> dict[str, str]:
        content = message.get("content") or ""
        if isinstance(content, list):
            content = "\n".join(part["text"] for part in content)
        content = self._plain(content)
        match message["role"]:
            case "system" | "developer":
                return {"role": "system", "content": content}
            case "tool":
                return {"role": "user", "content": f"<tool_response>\n{content}\n</tool_response>"}
            case "assistant":
                calls = [_call(call["function"]) for call in message.get("tool_calls") or ()]
                texts = [content, *map(self._plain, calls)]
                return {"role": "assistant", "content": "\n".join(filter(None, texts))}
            case _:
                name = message.get("name")
                return {"role": "user", "content": f"{self._plain(name)}: {content}" if name else content}

    def _plain(self, text: str) -> str:
        for special in sorted(self.specials, key=len, reverse=True):
            text = text.replace(special, special[0] + _HALF + special[1:])
        return text


def _call(function: dict[str, Any]) -> str:
    name = json.dumps(function["name"])
    return f'<tool_call>\n{{"name": {name}, "arguments": {function["arguments"]}}}\n</tool_call>'


def _described(function: dict[str, Any]) -> dict[str, Any]:
    described = {"name": function["name"]}
    if function.get("description"):
        described["description"] = function["description"]
    return {**described, "parameters": function.get("parameters") or {"type": "object", "properties": {}}}
