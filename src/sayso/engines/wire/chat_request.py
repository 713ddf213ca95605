"""Chat and completion requests as OpenAI JSON, and back."""

from typing import Any

from sayso.core.chat import (
    ChatRequest,
    CompletionRequest,
    JsonObjectFormat,
    JsonSchemaFormat,
    Message,
    NamedTool,
    ResponseFormat,
    Sampling,
    TextFormat,
    Tool,
    ToolCall,
    ToolChoice,
)

STREAM_OPTIONS = {"include_usage": True, "continuous_usage_stats": True}


def encode_chat_request(request: ChatRequest, model: str) -> dict[str, Any]:
    """Return the JSON body that asks `model` for `request`, always streamed."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [_encode_message(message) for message in request.messages],
        **_encode_sampling(request.sampling),
        "stream": True,
        "stream_options": STREAM_OPTIONS,
    }
    if request.max_tokens is not None:
        body["max_tokens"] = request.max_tokens
    if request.n != 1:
        body["n"] = request.n
    if request.stop:
        body["stop"] = list(request.stop)
    if request.logprobs:
        body["logprobs"] = True
        body["top_logprobs"] = request.top_logprobs
    if request.tools:
        body["tools"] = [_encode_tool(tool) for tool in request.tools]
        body["tool_choice"] = _encode_tool_choice(request.tool_choice)
        if not request.parallel_tool_calls:
            body["parallel_tool_calls"] = False
    match request.response_format:
        case TextFormat():
            pass
        case JsonObjectFormat():
            body["response_format"] = {"type": "json_object"}
        case JsonSchemaFormat(name, schema, description, strict):
            inner: dict[str, Any] = {"name": name, "schema": schema, "strict": strict}
            if description is not None:
                inner["description"] = description
            body["response_format"] = {"type": "json_schema", "json_schema": inner}
    return body


def decode_chat_request(body: dict[str, Any]) -> ChatRequest:
    """Read what `encode_chat_request` wrote; the sender is trusted, so nothing is validated again."""
    return ChatRequest(
        model=body["model"],
        messages=tuple(_decode_message(message) for message in body["messages"]),
        sampling=_decode_sampling(body),
        max_tokens=body.get("max_tokens"),
        n=body.get("n", 1),
        stop=tuple(body.get("stop", ())),
        logprobs=body.get("logprobs", False),
        top_logprobs=body.get("top_logprobs", 0),
        tools=tuple(_decode_tool(tool) for tool in body.get("tools", ())),
        tool_choice=_decode_tool_choice(body.get("tool_choice", "none")),
        parallel_tool_calls=body.get("parallel_tool_calls", True),
        response_format=_decode_response_format(body.get("response_format")),
        id=body.get("id", ""),
        cache_salt=body.get("cache_salt", ""),
        share=body.get("share", ""),
        whole=body.get("whole", False),
    )


def encode_completion_request(request: CompletionRequest, model: str) -> dict[str, Any]:
    """Return the legacy endpoint's JSON body for `request`, always streamed."""
    prompts = [prompt if isinstance(prompt, str) else list(prompt) for prompt in request.prompts]
    body: dict[str, Any] = {
        "model": model,
        "prompt": prompts if len(prompts) != 1 else prompts[0],
        **_encode_sampling(request.sampling),
        "max_tokens": request.max_tokens,
        "stream": True,
        "stream_options": STREAM_OPTIONS,
    }
    if request.n != 1:
        body["n"] = request.n
    if request.stop:
        body["stop"] = list(request.stop)
    if request.logprobs is not None:
        body["logprobs"] = request.logprobs
    if request.echo:
        body["echo"] = True
    return body


def decode_completion_request(body: dict[str, Any]) -> CompletionRequest:
    """Read what `encode_completion_request` wrote."""
    prompt = body["prompt"]
    if isinstance(prompt, str) or (prompt and isinstance(prompt[0], int)):
        prompt = [prompt]
    return CompletionRequest(
        model=body["model"],
        prompts=tuple(part if isinstance(part, str) else tuple(part) for part in prompt),
        sampling=_decode_sampling(body),
        max_tokens=body["max_tokens"],
        n=body.get("n", 1),
        stop=tuple(body.get("stop", ())),
        logprobs=body.get("logprobs"),
        echo=body.get("echo", False),
        id=body.get("id", ""),
        cache_salt=body.get("cache_salt", ""),
        share=body.get("share", ""),
        whole=body.get("whole", False),
    )


def _encode_sampling(sampling: Sampling) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if sampling.temperature is not None:
        body["temperature"] = sampling.temperature
    if sampling.top_p is not None:
        body["top_p"] = sampling.top_p
    if sampling.presence_penalty:
        body["presence_penalty"] = sampling.presence_penalty
    if sampling.frequency_penalty:
        body["frequency_penalty"] = sampling.frequency_penalty
    if sampling.seed is not None:
        body["seed"] = sampling.seed
    if sampling.logit_bias:
        body["logit_bias"] = {str(token): bias for token, bias in sampling.logit_bias.items()}
    return body


def _decode_sampling(body: dict[str, Any]) -> Sampling:
    return Sampling(
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        presence_penalty=body.get("presence_penalty", 0.0),
        frequency_penalty=body.get("frequency_penalty", 0.0),
        seed=body.get("seed"),
        logit_bias={int(token): bias for token, bias in body.get("logit_bias", {}).items()},
    )


def _encode_message(message: Message) -> dict[str, Any]:
    body: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.name is not None:
        body["name"] = message.name
    if message.tool_calls:
        body["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        body["tool_call_id"] = message.tool_call_id
    return body


def _decode_message(body: dict[str, Any]) -> Message:
    calls = tuple(
        ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in body.get("tool_calls", ())
    )
    return Message(body["role"], body["content"], body.get("name"), calls, body.get("tool_call_id"))


def _encode_tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    if tool.strict:
        function["strict"] = True
    return {"type": "function", "function": function}


def _decode_tool(body: dict[str, Any]) -> Tool:
    function = body["function"]
    return Tool(
        function["name"],
        function.get("description"),
        function.get("parameters"),
        function.get("strict", False),
    )


def _encode_tool_choice(choice: ToolChoice) -> Any:
    if isinstance(choice, NamedTool):
        return {"type": "function", "function": {"name": choice.name}}
    return choice


def _decode_tool_choice(choice: Any) -> ToolChoice:
    if isinstance(choice, dict):
        return NamedTool(choice["function"]["name"])
    tool_choice: ToolChoice = choice
    return tool_choice


def _decode_response_format(body: dict[str, Any] | None) -> ResponseFormat:
    match body:
        case {"type": "json_object"}:
            return JsonObjectFormat()
        case {"type": "json_schema", "json_schema": inner}:
            return JsonSchemaFormat(
                inner["name"], inner["schema"], inner.get("description"), inner.get("strict", False)
            )
        case _:
            return TextFormat()
