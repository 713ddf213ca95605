"""Requests with a canary in each: whole, streamed, refused, left, and cut short by a crash."""

import contextlib
import io
import json
import os
import secrets
import signal
import socket
import struct
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import av
import httpx
import numpy as np
import psutil

from sayso.cli.proof.canaries import make_canary
from sayso.retention.residue.needles import Needle, bytes_needles, sound_needles, text_needles
from tests.acceptance.running_server import RunningServer
from tests.processes import ended

MEBIBYTE = 1_048_576
UPLOAD = 24 * MEBIBYTE
BOUNDARY = "-----boundary-of-parts"
LONG = 500  # tokens
TELLING = 16  # characters of an answer that are not found by chance


@dataclass(frozen=True)
class Models:
    """Which models are asked. `spoken`: what the speech model answers, where that is known.

    `repeats`: how often a text is said where the answer has to take its time.
    """

    chat: str
    speech: str
    spoken: str = ""
    repeats: int = 100


@dataclass
class Traffic:
    """Sends requests, and writes down by which patterns each would be known again.

    `keeps`: the organization has its content kept.
    """

    server: RunningServer
    key: str
    models: Models
    keeps: bool = False
    said: dict[str, list[Needle]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._client = httpx.Client(
            base_url=self.server.base_url, headers={"authorization": f"Bearer {self.key}"}, timeout=60
        )
        if self.models.spoken:
            self._note("a transcript", text_needles("a transcript", self.models.spoken))

    def close(self) -> None:
        self._client.close()

    def all_but_crashes(self) -> None:
        """Ask for everything that takes content, and leave in the middle of some of it."""
        self.answers()
        self.recordings()
        self.refusals()
        self.departures()

    def answers(self) -> None:
        for stream in (False, True):
            how = "streamed" if stream else "whole"
            self._chat(f"chat, {how}", stream=stream, store=True)
            text = self._text(f"completion, {how}")
            self._ask(
                f"completion, {how}", "/completions", prompt=text, stream=stream, max_tokens=24, user=text
            )

    def recordings(self) -> None:
        for path, more in (
            ("transcriptions", {}),
            ("transcriptions", {"stream": "true"}),
            ("translations", {"response_format": "verbose_json"}),
            ("languages", {}),
        ):
            name = f"{path} {more}"
            recording = self._recording(name, 2)
            if path != "languages":
                more = {"prompt": self._text(name), **more}
            answer = self._speech(path, recording, **more)
            assert answer.status_code == 200, answer.text
        answer = self._speech("transcriptions", self._upload("an upload of 24 MiB"))
        assert answer.status_code == 200, answer.text

    def refusals(self) -> None:
        self._chat("400: a bad parameter", 400, temperature="hot")
        self._chat("404: no such model", 404, model="none")
        for status, name, size in ((400, "400: no JSON", 1), (413, "413: too long a text", 9 * MEBIBYTE)):
            text = self._text(name)
            body = b'{"model": "' + text.encode() * (1 + size // len(text))
            assert self._client.post("/chat/completions", content=body).status_code == status
        text = self._text("400: no audio")
        assert self._speech("transcriptions", text.encode() * 100).status_code == 400
        answer = self._speech("transcriptions", self._upload("413: too long an upload", 26 * MEBIBYTE))
        assert answer.status_code == 413, answer.text

    def departures(self) -> None:
        with self._streaming("a client that leaves in the middle of a stream"):
            pass
        with contextlib.suppress(httpx.ReadTimeout):
            self._chat("a client that leaves a whole answer", said=self.models.repeats, timeout=0.4)
        self._half_an_upload("a client that leaves in the middle of an upload").close()

    def hidden_places(self) -> None:
        """Say it where it is easily overlooked: in a file's name and tags, a system's message, a tool."""
        text = self._text("a file's name")
        name = f"{text}.mp3"
        tagged = _tagged(self._text("a tag"))
        answer = self._client.post(
            "/audio/transcriptions", data={"model": self.models.speech}, files={"file": (name, tagged)}
        )
        assert answer.status_code == 200, answer.text
        cut = self._client.post(
            "/audio/transcriptions", data={"model": self.models.speech}, files={"file": (name, tagged[:300])}
        )
        assert cut.status_code == 400, cut.text
        system = {"role": "system", "content": self._text("a system's message")}
        tool = {"type": "function", "function": {"name": "call", "description": self._text("a tool")}}
        self._chat("beside a system's message", messages=[system, {"role": "user", "content": "Hi"}])
        self._chat("beside a tool", tools=[tool])

    def failures(self, model: str) -> None:
        """Ask a model that fails in the middle."""
        self._chat("500: an engine that fails", 500, model=model)
        text = self._text("an engine that fails in the middle of a stream")
        messages = [{"role": "user", "content": text}]
        body = {"model": model, "messages": messages, "stream": True}
        assert "error" in self._client.post("/chat/completions", json=body).text

    def strangers(self) -> None:
        """Come with a key that is none."""
        text = self._text("a stranger")
        headers = {"authorization": "Bearer " + text.encode("ascii", "replace").decode()}
        answer = self._client.post("/chat/completions", json={"model": text}, headers=headers)
        assert answer.status_code == 401

    def killed_below(self) -> None:
        """Kill everything below the gateway in the middle of an answer and of a transcript."""
        below = psutil.Process(self.server.process.pid).children(recursive=True)
        with (
            self._streaming("an engine that crashes"),
            self._listening("a recording whose engine crashes"),
        ):
            for process in below:
                process.send_signal(signal.SIGSEGV)
            _until(lambda: all(ended(process) for process in below))
        _until(lambda: self._client.get(f"{self.server.root_url}/readyz").status_code == 200)

    def killed(self) -> int:
        """Kill the gateway in the middle of a stream and of an upload; return its exit status."""
        upload = self._half_an_upload("an upload to a gateway that crashes")
        with self._streaming("a gateway that crashes"), contextlib.closing(upload):
            os.kill(self.server.process.pid, signal.SIGSEGV)
            return self.server.stop()

    def _note(self, name: str, needles: list[Needle]) -> None:
        self.said.setdefault(name, []).extend(needles)

    def _text(self, name: str) -> str:
        text = make_canary(name).text
        self._note(name, text_needles(name, text))
        return text

    def _answered(self, name: str, text: str) -> None:
        if len(text) >= TELLING:
            self._note(f"{name}: its answer", text_needles(f"{name}: its answer", text))

    def _chat(self, name: str, status: int = 200, *, said: int = 1, timeout: float = 60, **more: Any) -> None:
        text = self._text(name)
        messages = [{"role": "user", "content": f"{text} " * said, "name": "zoe"}]
        body = {"messages": messages, "max_tokens": 24 if said == 1 else LONG, "user": text, **more}
        self._ask(name, "/chat/completions", status, timeout=timeout, **body)

    def _ask(self, name: str, path: str, status: int = 200, *, timeout: float = 60, **body: Any) -> None:
        answer = self._client.post(path, json={"model": self.models.chat, **body}, timeout=timeout)
        assert answer.status_code == status, answer.text
        if status != 200:
            return
        assert self.keeps or answer.headers.get("x-sayso-stored", "false") == "false"
        if body.get("stream"):
            self._answered(name, "".join(_deltas(answer.text)))
        else:
            (choice,) = answer.json()["choices"]
            self._answered(name, choice.get("text") or choice["message"]["content"])

    def _speech(self, path: str, content: bytes, **fields: str) -> httpx.Response:
        form = {"model": self.models.speech, **fields}
        return self._client.post(f"/audio/{path}", data=form, files={"file": ("a.wav", content)})

    def _recording(self, name: str, seconds: float) -> bytes:
        """Speech with a noise that no other recording has, at the rate that engines hear."""
        with wave.open(io.BytesIO(files("sayso.inference").joinpath("probe.wav").read_bytes())) as probe:
            assert (probe.getframerate(), probe.getnchannels()) == (16_000, 1)
            spoken = np.frombuffer(probe.readframes(probe.getnframes()), np.int16)
        noise = np.frombuffer(secrets.token_bytes(int(seconds * 16_000)), np.int8)
        samples = np.resize(spoken, len(noise)) // 2 + noise.astype(np.int16)
        content = _wav(samples.tobytes(), 1, 16_000)
        self._note(name, [*sound_needles(name, samples), *bytes_needles(name, content)])
        return content

    def _upload(self, name: str, size: int = UPLOAD) -> bytes:
        """A large file of a few seconds: noise on four channels at 192 kHz."""
        content = _wav(secrets.token_bytes(size), 4, 192_000)
        self._note(name, bytes_needles(name, content))
        return content

    @contextmanager
    def _streaming(self, name: str) -> Iterator[None]:
        """A stream that has begun and is far from its end."""
        text = self._text(name)
        body = {
            "model": self.models.chat,
            "messages": [{"role": "user", "content": f"{text} " * self.models.repeats}],
            "stream": True,
            "max_tokens": LONG,
        }
        with self._begun("/chat/completions", json=body):
            yield

    @contextmanager
    def _listening(self, name: str) -> Iterator[None]:
        """A transcript that has begun and is far from its end."""
        form = {"model": self.models.speech, "stream": "true"}
        recording = self._recording(name, 120)
        with self._begun("/audio/transcriptions", data=form, files={"file": ("a.wav", recording)}):
            yield

    @contextmanager
    def _begun(self, path: str, **content: Any) -> Iterator[None]:
        with (
            httpx.Client(headers=self._client.headers, timeout=60) as client,
            client.stream("POST", self.server.base_url + path, **content) as answer,
        ):
            assert answer.status_code == 200, answer.read()
            lines = answer.iter_lines()
            assert any("delta" in line for line in lines)
            yield

    def _half_an_upload(self, name: str) -> socket.socket:
        """Send the first half; closing what this returns cuts the connection."""
        content = self._upload(name, UPLOAD // 2)
        head = (
            f"POST /v1/audio/transcriptions HTTP/1.1\r\nhost: sayso\r\nauthorization: Bearer {self.key}\r\n"
            f"content-type: multipart/form-data; boundary={BOUNDARY}\r\ncontent-length: {2 * len(content)}"
            f'\r\n\r\n--{BOUNDARY}\r\ncontent-disposition: form-data; name="model"\r\n\r\n'
            f"{self.models.speech}\r\n--{BOUNDARY}\r\n"
            f'content-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        )
        address = httpx.URL(self.server.base_url)
        connection = socket.create_connection((address.host, address.port or 80), timeout=20)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(head.encode() + content)
        return connection


def _until(so: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < until
        time.sleep(0.02)


def _deltas(events: str) -> Iterator[str]:
    for line in events.splitlines():
        if line.startswith("data: {"):
            for choice in json.loads(line[6:]).get("choices", []):
                yield choice.get("text") or choice.get("delta", {}).get("content") or ""


def _tagged(title: str) -> bytes:
    """A second of silence as MP3, with a title in an ID3 tag."""
    written = io.BytesIO()
    with av.open(written, "w", format="mp3") as container:
        container.metadata["title"] = title
        stream = container.add_stream("mp3", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.int16), format="s16p", layout="mono")
        frame.sample_rate = 16_000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return written.getvalue()


def _wav(samples: bytes, channels: int, rate: int) -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples)
    return written.getvalue()
