from typing import Any

import orjson
import pytest
from openai.types import Completion

from sayso.api.openai.answer import AnswerHead
from sayso.api.openai.chat_response import collect
from sayso.api.openai.completion_request import CompletionCall, completion_call
from sayso.api.openai.completion_response import CompletionStreamEncoder, text_completion
from sayso.core.chat import ChatEvent, ChoiceFinished, Finished, Started, TextDelta, TokenLogprob
from sayso.core.usage import TokenUsage
from sayso.errors import InvalidRequest
from sayso.ids import CompletionId

HEAD = AnswerHead(CompletionId("cmpl-1"), "m", "fp_1", 1_700_000_000)


def read(**fields: Any) -> CompletionCall:
    return completion_call({"model": "m", "prompt": "p", **fields}, "reject")


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [
        ("a", ("a",)),
        (["a", "b"], ("a", "b")),
        ([1, 2], ((1, 2),)),
        ([[1, 2], [3]], ((1, 2), (3,))),
    ],
)
def test_the_four_forms_of_a_prompt(prompt: Any, prompts: Any) -> None:
    assert read(prompt=prompt).request.prompts == prompts


def test_defaults_and_nulls() -> None:
    assert read().request.max_tokens == 16
    nulls = (
        "best_of echo frequency_penalty logit_bias logprobs max_tokens n presence_penalty seed stop stream "
        "stream_options suffix temperature top_p user"
    )
    assert read(**dict.fromkeys(nulls.split())) == read()


@pytest.mark.parametrize(
    "fields",
    [
        {"best_of": 1},
        {"best_of": 3, "n": 3},
        {"logprobs": 0},
        {"logprobs": 5},
        {"max_tokens": 0, "echo": True},
        {"suffix": ""},
    ],
    ids=str,
)
def test_accepted(fields: dict[str, Any]) -> None:
    read(**fields)


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"prompt": None}, "prompt", "missing_required_parameter"),
        ({"prompt": []}, "prompt", "empty_array"),
        ({"prompt": [[]]}, "prompt[0]", "empty_array"),
        ({"prompt": 3}, "prompt", "invalid_type"),
        ({"prompt": ["a", 3]}, "prompt", "invalid_type"),
        ({"prompt": [1, "a"]}, "prompt", "invalid_type"),
        ({"prompt": [True]}, "prompt", "invalid_type"),
        ({"prompt": [[1], 2]}, "prompt[1]", "invalid_type"),
        ({"prompt": [-1]}, "prompt", "invalid_value"),
        ({"prompt": [2**40]}, "prompt", "invalid_value"),
        ({"prompt": ["a"] * 17, "n": 128}, "prompt", "array_above_max_length"),
        ({"best_of": 2}, "best_of", "unsupported_parameter"),
        ({"best_of": 1, "n": 2}, "best_of", "invalid_value"),
        ({"suffix": "x"}, "suffix", "unsupported_parameter"),
        ({"logprobs": 6}, "logprobs", "integer_above_max_value"),
        ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
        ({"stream_options": {}}, "stream_options", "invalid_parameter_combination"),
        ({"stop": ["a"] * 5}, "stop", "array_above_max_length"),
        ({"echo": "yes"}, "echo", "invalid_type"),
        ({"top_k": 3}, "top_k", "unknown_parameter"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_refused(fields: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(**fields)
    assert (caught.value.param, caught.value.code) == (param, code)


def entry(text: str | bytes, *top: TokenLogprob) -> TokenLogprob:
    raw = text.encode() if isinstance(text, str) else text
    return TokenLogprob(raw.decode(errors="backslashreplace"), tuple(raw), -0.5, top)


SMILE = "😀".encode()
EVENTS: list[ChatEvent] = [
    Started(2),
    TextDelta(0, " a", (entry(" a", entry(" b")),)),
    TextDelta(0, "", (entry(SMILE[:2]),)),
    TextDelta(0, "😀", (entry(SMILE[2:]),)),
    TextDelta(0, "!", (entry("!"),)),
    ChoiceFinished(0, "stop"),
    Finished(TokenUsage(2, 4)),
]
LISTS = {
    "tokens": [" a", "\\xf0\\x9f", "\\x98\\x80", "!"],
    "token_logprobs": [-0.5] * 4,
    "top_logprobs": [{" b": -0.5, " a": -0.5}, {"\\xf0\\x9f": -0.5}, {"\\x98\\x80": -0.5}, {"!": -0.5}],
    "text_offset": [6, 8, 8, 9],
}


async def whole(call: CompletionCall) -> Any:
    async def stream() -> Any:
        for event in EVENTS:
            yield event

    choices, usage = await collect(stream(), 1)
    values = orjson.loads(orjson.dumps(text_completion(HEAD, call.request, choices, usage)))
    Completion.model_validate(values, strict=True)
    return values


async def test_legacy_logprobs_count_characters_from_the_prompt_s_end() -> None:
    choice = (await whole(read(prompt="prompt", logprobs=1)))["choices"][0]
    assert choice["text"] == " a😀!"
    assert choice["logprobs"] == LISTS


async def test_offsets_with_echo_and_token_prompts_begin_at_zero() -> None:
    for fields in ({"prompt": "prompt", "echo": True}, {"prompt": [1, 2]}):
        choice = (await whole(read(logprobs=0, **fields)))["choices"][0]
        assert choice["logprobs"]["text_offset"] == [0, 2, 2, 3]
        assert choice["logprobs"]["top_logprobs"] is None


async def test_without_logprobs_there_are_none() -> None:
    assert (await whole(read()))["choices"][0]["logprobs"] is None


def test_a_stream_has_the_same_lists_in_pieces() -> None:
    call = read(prompt="prompt", logprobs=1, stream=True, stream_options={"include_usage": True})
    encoder = CompletionStreamEncoder(HEAD, call)
    lines = b"".join(map(encoder.encode, EVENTS)).decode().split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    chunks = [orjson.loads(line.removeprefix("data: ")) for line in lines[:-2]]
    *texts, last, usage = chunks
    assert "".join(chunk["choices"][0]["text"] for chunk in texts) == " a😀!"
    for name, values in LISTS.items():
        assert [item for chunk in texts for item in chunk["choices"][0]["logprobs"][name]] == values
    assert last["choices"][0] == {"text": "", "index": 0, "logprobs": None, "finish_reason": "stop"}
    assert (usage["choices"], usage["usage"]["total_tokens"]) == ([], 6)
    assert all(chunk["usage"] is None for chunk in chunks[:-1])
    assert {(chunk["id"], chunk["object"]) for chunk in chunks} == {("cmpl-1", "text_completion")}
