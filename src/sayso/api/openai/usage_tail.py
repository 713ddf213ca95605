"""How a stream's chunks end: with no word of usage, with a null, or with the usage so far."""

import orjson

from sayso.core.chat import ChatEvent, ChoiceFinished, Started, TextDelta, ToolCallDelta


class UsageTail:
    """Renders the end of each chunk.

    `include` is `stream_options.include_usage`. `continuous` is `continuous_usage_stats`, which vLLM has too:
    usage so far on every chunk, so that whoever stands between can bill a stream that is cut.
    """

    def __init__(self, *, include: bool, continuous: bool) -> None:
        self._fixed = None if continuous else b',"usage":null}\n\n' if include else b"}\n\n"
        self._prompt_tokens = 0
        self._completion_tokens = 0

    def after(self, event: ChatEvent) -> bytes:
        """Return the end of the chunk for `event`."""
        if self._fixed is not None:
            return self._fixed
        match event:
            case Started():
                self._prompt_tokens = event.prompt_tokens
            case TextDelta() | ToolCallDelta() | ChoiceFinished():
                self._completion_tokens = max(self._completion_tokens, event.completion_tokens)
            case _:
                pass
        usage = {
            "prompt_tokens": self._prompt_tokens,
            "completion_tokens": self._completion_tokens,
            "total_tokens": self._prompt_tokens + self._completion_tokens,
        }
        return b',"usage":' + orjson.dumps(usage) + b"}\n\n"
