import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.requests import Request

from sayso.api.disconnect import ClientDisconnected
from sayso.api.errors import BodyTimeout
from sayso.api.openai.multipart import OVERHEAD_BYTES, read_form
from sayso.api.services import Limits
from sayso.engines.wire.multipart import Form
from sayso.errors import BodyTooLarge, InvalidRequest

LIMITS = Limits(max_upload_bytes=1000)
TYPE = "multipart/form-data; boundary=XX"


def part(name: str, content: bytes, filename: str | None = None, more: str = "") -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
    return f"--XX\r\n{disposition}\r\n{more}\r\n".encode() + content + b"\r\n"


def body(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--XX--\r\n"


class Wire:
    """A body that arrives in pieces; counts what was read."""

    def __init__(self, pieces: Sequence[bytes], *, cut: bool = False) -> None:
        self._pieces = list(pieces)
        self._cut = cut
        self.read = 0

    async def receive(self) -> Any:
        if not self._pieces:
            assert self._cut, "read past the end"
            return {"type": "http.disconnect"}
        piece = self._pieces.pop(0)
        self.read += len(piece)
        return {"type": "http.request", "body": piece, "more_body": bool(self._pieces) or self._cut}


async def read(
    content: bytes | Wire,
    *,
    kind: str = TYPE,
    limits: Limits = LIMITS,
    step: int = 65_536,
) -> Form:
    wire = content
    if isinstance(wire, bytes):
        wire = Wire([wire[at : at + step] for at in range(0, len(wire), step)] or [b""])
    scope = {"type": "http", "headers": [(b"content-type", kind.encode()), (b"content-length", b"5")]}
    return await read_form(Request(scope, wire.receive), limits)


@pytest.mark.parametrize("step", [1, 2, 7, 65_536])
async def test_fields_and_file_in_pieces_of_any_size(step: int) -> None:
    sound = bytes(range(256)) + b"\r\n--X\r\n--XY\r\n--XX"[:-1]
    wire = body(
        part("model", b"whisper-1"),
        part("file", sound, "upload"),
        part("timestamp_granularities[]", b"word"),
        part("timestamp_granularities[]", b"segment"),
        part("chunking_strategy[type]", b"server_vad"),
    )
    form = await read(wire + b"epilogue", step=step)
    assert bytes(form.file or b"") == sound
    assert form.fields == {
        "model": ["whisper-1"],
        "timestamp_granularities": ["word", "segment"],
        "chunking_strategy[type]": ["server_vad"],
    }


async def test_a_file_at_the_limit_passes_and_one_byte_more_does_not() -> None:
    assert len((await read(body(part("file", b"a" * 1000, "x")))).file or b"") == 1000
    with pytest.raises(BodyTooLarge) as caught:
        await read(body(part("file", b"a" * 1001, "x")), step=100)
    assert caught.value.limit == 1000
    assert 1000 < caught.value.received <= 1001 + 100


async def test_an_endless_body_is_given_up_soon() -> None:
    for first in (part("file", b"", "x")[:-2], part("model", b"")[:-2], b"\r\n"):
        wire = Wire([first, *[b"a" * 4096] * 1000])
        with pytest.raises((BodyTooLarge, InvalidRequest)):
            await read(wire)
        assert wire.read <= 1000 + OVERHEAD_BYTES + 4096


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a form",
        body(part("file", b"a", "x"))[:-8],
        b"--XX\r\n\r\nno headers\r\n--XX--\r\n",
        b'--XX\r\nContent-Disposition: form-data; filename="x"\r\n\r\nno name\r\n--XX--\r\n',
        b"--XX\r\nContent-Disposition form-data\r\n\r\nno colon\r\n--XX--\r\n",
        body(part("model", b"\xff\xfe")),
        body(part("model", b"a\0b")),
        body(part("model", b"x", more="".join(f"X-{i}: y\r\n" for i in range(2_000)))),
        body(part("model", b"x", more="X: " + "y" * 30_000 + "\r\n")),
        body(part("file", b"no filename")),
        body(part("model", b"x", "filename")),
        body(part("file", b"a", "x"), part("file", b"b", "y")),
    ],
    ids=range(13),
)
async def test_broken_forms_are_refused(content: bytes) -> None:
    with pytest.raises(InvalidRequest):
        await read(content)


async def test_the_number_of_parts_is_bounded() -> None:
    assert len((await read(body(*[part("f", b"")] * 128))).fields["f"]) == 128
    for count in (129, 10_000):
        with pytest.raises(InvalidRequest, match="128 parts"):
            await read(body(*[part("f", b"")] * count)[:60_000])


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "x" * 300,
        "multipart/mixed; boundary=XX",
        "",
    ],
)
async def test_other_kinds_of_body_are_refused(kind: str) -> None:
    with pytest.raises(InvalidRequest):
        await read(body(part("file", b"a", "x")), kind=kind)


async def test_a_cut_body() -> None:
    with pytest.raises(ClientDisconnected):
        await read(Wire([part("file", b"a", "x")], cut=True))


async def test_a_stalled_body() -> None:
    async def receive() -> Any:
        await asyncio.Event().wait()

    scope = {"type": "http", "headers": [(b"content-type", TYPE.encode())]}
    with pytest.raises(BodyTimeout):
        await read_form(Request(scope, receive), Limits(body_idle_seconds=0.01))
    with pytest.raises(BodyTimeout):
        await read_form(Request(scope, receive), Limits(body_total_seconds=0.01))
