"""Uploads: a form read from a request, with bounds on its size and its time."""

from starlette.requests import Request

from sayso.api.body import body_chunks
from sayso.api.services import Limits
from sayso.engines.wire.multipart import Form, FormReader
from sayso.errors import BodyTooLarge

OVERHEAD_BYTES = 65_536  # boundaries, headers and text fields beside the file


async def read_form(request: Request, limits: Limits) -> Form:
    """Read a form with one file, in the field `file`.

    Raises `BodyTooLarge` once the file is over `limits.max_upload_bytes`, counted as it arrives;
    `InvalidRequest` for a body of another kind, a broken one, and one with too many parts.
    """
    reader = FormReader(request.headers.get("content-type"), limits.max_upload_bytes)
    received = 0
    async for chunk in body_chunks(request, limits):
        received += len(chunk)
        if received > limits.max_upload_bytes + OVERHEAD_BYTES:
            raise BodyTooLarge(limit=limits.max_upload_bytes, received=received)
        reader.feed(chunk)
    return reader.finish()
