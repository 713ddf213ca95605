"""Requests through every route that takes content, each with a canary in all that it says."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import aiohttp
import orjson

from sayso.cli.proof.canaries import Canary, make_canary
from sayso.cli.proof.tenants import Subject

STORED = "chat, store: true"
CHANGED = "stored, then other metadata"
CHAT, COMPLETIONS, AUDIO = "/chat/completions", "/completions", "/audio"
TASKS = ("transcriptions", "translations", "languages")  # of audio
LONG = 200  # times that a canary is repeated where the answer has to take seconds


@dataclass(frozen=True, slots=True)
class Planted:
    """A canary that was sent. `record_id` names its record, where one is expected."""

    subject: Subject
    route: str
    canary: Canary
    status: int
    expected_status: int
    record_id: str

    @property
    def answered(self) -> bool:
        """Whether the server answered as it should."""
        return self.status == self.expected_status


Sent: TypeAlias = tuple[int, str]  # status, record


class Planter:
    """Sends canaries for one organization."""

    def __init__(self, client: aiohttp.ClientSession, base_url: str, subject: Subject) -> None:
        self._client = client
        self._base_url = base_url
        self._subject = subject
        self._headers = {"authorization": f"Bearer {subject.key}"}

    async def plant(self, audio_seconds: float) -> list[Planted]:
        """Send one canary through every route; recordings are `audio_seconds` long."""
        routes: tuple[tuple[str, int, float, Callable[[Canary], Awaitable[Sent]]], ...] = (
            ("chat", 200, 0, lambda one: self._chat(one)),
            ("chat, streamed", 200, 0, lambda one: self._chat(one, stream=True)),
            (STORED, 200, 0, lambda one: self._chat(one, store=True, metadata={"m": one.text})),
            (CHANGED, 200 if self._subject.keeps else 404, 0, self._change),
            ("chat, a client that leaves", 200, 0, self._leave),
            ("chat, 400: unknown role", 400, 0, self._unknown_role),
            ("chat, 404: unknown model", 404, 0, lambda one: self._chat(one, model=one.text)),
            ("chat, 400: broken JSON", 400, 0, self._broken),
            ("completion", 200, 0, lambda one: self._completion(one)),
            ("completion, streamed", 200, 0, lambda one: self._completion(one, stream=True)),
            ("transcription", 200, audio_seconds, lambda one: self._speech(TASKS[0], one)),
            ("translation", 200, audio_seconds, lambda one: self._speech(TASKS[1], one)),
            ("transcription, 400: no audio", 400, 0, lambda one: self._speech(TASKS[0], one)),
            ("languages", 200, audio_seconds, lambda one: self._speech(TASKS[2], one, prompt=False)),
            ("403: an administrator's path", 403, 0, self._forbidden),
        )
        planted = []
        for route, expected, seconds, send in routes:
            canary = make_canary(f"{self._subject.name}: {route}", audio_seconds=seconds)
            status, record_id = await send(canary)
            planted.append(Planted(self._subject, route, canary, status, expected, record_id))
        return planted

    async def listed(self) -> tuple[str, ...]:
        """Return the ids of the stored completions that the server lists."""
        url = self._base_url + CHAT
        async with self._client.get(url, headers=self._headers) as answer:
            return tuple(str(one["id"]) for one in (await answer.json())["data"])

    async def _chat(self, canary: Canary, **more: Any) -> Sent:
        return await self._post(CHAT, _chat_body(canary) | more)

    async def _change(self, canary: Canary) -> Sent:
        hello = [{"role": "user", "content": "hello"}]
        _, record_id = await self._chat(canary, messages=hello, store=True, user="zoe")
        status, _ = await self._post(f"{CHAT}/{record_id}", {"metadata": {"m": canary.text}})
        return status, record_id

    async def _completion(self, canary: Canary, **more: Any) -> Sent:
        body = {"model": "echo", "prompt": canary.text, "max_tokens": 50, "user": canary.text}
        return await self._post(COMPLETIONS, body | more)

    async def _unknown_role(self, canary: Canary) -> Sent:
        return await self._chat(canary, messages=[{"role": canary.text, "content": canary.text}])

    async def _forbidden(self, canary: Canary) -> Sent:
        return await self._post("/organization/projects", {"name": canary.text})

    async def _broken(self, canary: Canary) -> Sent:
        return await self._send(CHAT, data=b'{"messages": "' + canary.text.encode())

    async def _leave(self, canary: Canary) -> Sent:
        """Ask for a long answer, and close the connection once it has begun."""
        long = [{"role": "user", "content": f"{canary.text} " * LONG}]
        body = _chat_body(canary) | {"messages": long, "stream": True}
        url = self._base_url + CHAT
        answer = await self._client.post(url, headers=self._headers, json=body)
        record_id = ""
        async for line in answer.content:
            if line.startswith(b"data: {"):
                record_id = _identity(line)
                break
        answer.close()
        return answer.status, record_id

    async def _speech(self, task: str, canary: Canary, *, prompt: bool = True) -> Sent:
        form = aiohttp.FormData()
        form.add_field("model", "ear")
        if prompt:
            form.add_field("prompt", canary.text)
        content = canary.recording or canary.text.encode()
        form.add_field("file", content, filename=f"{canary.text}.wav", content_type="audio/wav")
        return await self._send(f"{AUDIO}/{task}", data=form, by_request=True)

    async def _post(self, path: str, body: Mapping[str, Any]) -> Sent:
        return await self._send(path, json=body)

    async def _send(self, path: str, *, by_request: bool = False, **content: Any) -> Sent:
        url = self._base_url + path
        async with self._client.post(url, headers=self._headers, **content) as answer:
            said = await answer.read()
            if answer.status != 200:
                return answer.status, ""
            if by_request:
                return answer.status, answer.headers["x-request-id"]
            streamed = answer.content_type == "text/event-stream"
            return answer.status, _identity(said.splitlines()[0] if streamed else said)


def _chat_body(canary: Canary) -> dict[str, Any]:
    said = {"role": "user", "content": canary.text, "name": "zoe"}
    told = {"role": "system", "content": canary.text}
    return {"model": "echo", "messages": [told, said], "user": canary.text}


def _identity(said: bytes) -> str:
    return str(orjson.loads(said.removeprefix(b"data: "))["id"])
