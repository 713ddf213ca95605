"""Twenty requests of every kind through the HTTP application, and what their clients saw."""

import asyncio
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import FastAPI

BOUNDARY = "script"
WORDS = "one two three four five six seven"
KINDS = (
    "whole", "streamed", "speech", "left", "refused",
    "whole", "streamed", "streamed speech", "idempotent", "idempotent",
    "streamed", "whole", "unknown", "left", "speech",
    "whole", "streamed", "refused", "whole", "streamed",
)  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """One request from the client's side. `ended`: a whole answer, or a stream's usage and its last frame."""

    kind: str
    request_id: str
    status: int
    ended: bool
    failed: bool
    tokens: int = 0
    milliseconds: int = 0


async def send(app: FastAPI, kind: str, run: str) -> Seen:
    """Send one request, as its kind is sent; `run` makes the idempotency key this run's own."""
    path, body, content_type = _request(kind)
    headers = {"idempotency-key": f"key-{run}"} if kind == "idempotent" else {}
    status, answered, frames = await _call(
        app, path, body, {"content-type": content_type, **headers}, leave_after=2 if kind == "left" else 0
    )
    request_id = answered.get(b"x-request-id", b"").decode()
    streamed = answered.get(b"content-type", b"").startswith(b"text/event-stream")
    if status != 200 or not streamed:
        return _whole(kind, request_id, status, b"".join(frames))
    return _stream(kind, request_id, b"".join(frames))


def _whole(kind: str, request_id: str, status: int, body: bytes) -> Seen:
    values = orjson.loads(body) if body else {}
    usage = values.get("usage") or {}
    milliseconds = 1_000 * usage.get("seconds", 0)
    ended = status == 200 and bool(usage)
    return Seen(kind, request_id, status, ended, status >= 500, usage.get("total_tokens", 0), milliseconds)


def _stream(kind: str, request_id: str, body: bytes) -> Seen:
    frames = [line[6:] for line in body.splitlines() if line.startswith(b"data: ")]
    values = [orjson.loads(frame) for frame in frames if frame != b"[DONE]"]
    usages = [value["usage"] for value in values if value.get("usage")]
    tokens = usages[-1].get("total_tokens", 0) if usages else 0
    milliseconds = 1_000 * usages[-1].get("seconds", 0) if usages else 0
    failed = any("error" in value for value in values) or b"event: error" in body
    spoken = kind == "streamed speech" and any(
        value.get("type") == "transcript.text.done" for value in values
    )
    ended = not failed and (spoken or (b"[DONE]" in frames and bool(usages)))
    return Seen(kind, request_id, 200, ended, failed, tokens, milliseconds)


def _request(kind: str) -> tuple[str, bytes, str]:
    if "speech" in kind:
        return (
            "/v1/audio/transcriptions",
            _upload("streamed" in kind),
            f"multipart/form-data; boundary={BOUNDARY}",
        )
    body: dict[str, Any] = {"model": "gpt-3.5-turbo", "messages": [{"role": "user", "content": WORDS}]}
    if kind in ("streamed", "left"):
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if kind == "refused":  # by the engine, once the hold is granted
        body |= {"logit_bias": {"1": 1}}
    if kind == "unknown":
        body |= {"model": "no-such-model"}
    return "/v1/chat/completions", orjson.dumps(body), "application/json"


def _upload(streamed: bool) -> bytes:
    fields = {"model": "whisper-1"} | ({"stream": "true"} if streamed else {})
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}' for name, value in fields.items()
    ]
    head = "".join(f"--{BOUNDARY}\r\n{part}\r\n" for part in parts)
    file = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nPCM'
    return (head + file).encode() + bytes(2 * 32_000) + f"\r\n--{BOUNDARY}--\r\n".encode()


async def _call(
    app: FastAPI, path: str, body: bytes, headers: dict[str, str], *, leave_after: int
) -> tuple[int, dict[bytes, bytes], list[bytes]]:
    """Post `body`; a client that leaves does so after so many parts of the answer, 0: not before its end."""
    status, answered, parts = 0, dict[bytes, bytes](), list[bytes]()
    left = asyncio.Event()
    requests = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> dict[str, Any]:
        for message in requests:
            return message
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            answered.update(message["headers"])
        elif not left.is_set():
            parts.append(message.get("body", b""))
            if leave_after and len(parts) >= leave_after:
                left.set()

    given = {"host": "sayso", "authorization": "Bearer sk-0-0-0", "content-length": str(len(body)), **headers}
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "http_version": "1.1", "scheme": "http", "root_path": "", "client": ("127.0.0.1", 1),
        "server": ("sayso", 80), "asgi": {"version": "3.0"},
    }  # fmt: skip
    await app(scope, receive, send)
    return status, answered, parts
