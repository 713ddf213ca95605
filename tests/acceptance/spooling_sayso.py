"""`sayso` as it must not be: each request's body goes through a file without a name, as uploads do elsewhere.

For controls: whoever searches for what was written has to find it here.
"""

import tempfile
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request

from sayso.cli.main import main

IN_MEMORY = 16  # bytes; what is longer gets a file
_open: list[Any] = []  # so that nothing else is written where they were


def _spooled(request: Request) -> Callable[[], Awaitable[Any]]:
    receive = request._receive
    spool = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - it ends with the request
    file: Any = request.scope.setdefault("spool", spool)
    _open.append(file)

    async def through() -> Any:
        message = await receive()
        file.write(message.get("body", b""))
        return message

    return through


if __name__ == "__main__":
    Request.receive = property(_spooled)  # type: ignore[method-assign, assignment]
    main()
