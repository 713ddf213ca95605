"""`python -m tests.acceptance.flooding URL KEY CLIENTS CORE [RECORDING]`: ask without a pause until ended.

For long texts, or with a recording for its transcript. A refused one comes back when the answer says, as the
official SDK does. A process of its own, on the core of what it floods and behind everything else there, so
that what it does to answers of others is what its requests do.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import httpx

from sayso.core.cores import stay_on
from sayso.core.priority import run_as_usual

BODY = {"model": "gpt-3.5-turbo", "temperature": 0.0}
SHORTEST = 32  # tokens of a text; the longest has three times as many, so that they do not go in step
PAUSE_SECONDS = 0.5  # after a refusal that names no time


async def main(url: str, key: str, clients: int, recording: bytes | None) -> None:
    """Keep so many clients busy."""
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(headers=headers, timeout=600) as http:
        await asyncio.gather(*(_client(http, url, one, recording) for one in range(clients)))


async def _client(http: httpx.AsyncClient, url: str, number: int, recording: bytes | None) -> None:
    asked = 0
    while True:
        asked += 1
        wanted = _texts(number, asked) if recording is None else _transcripts(recording)
        answer = await http.post(url + wanted.pop("path"), **wanted)
        if answer.status_code != 200:
            await asyncio.sleep(float(answer.headers.get("retry-after", PAUSE_SECONDS)))


def _texts(number: int, asked: int) -> dict[str, Any]:
    text = f"{number} {asked}: write a very long story about a lighthouse, in many chapters."
    length = SHORTEST + (number * 37 + asked * 53) % SHORTEST * 2
    body = {**BODY, "max_tokens": length, "messages": [{"role": "user", "content": text}]}
    return {"path": "/chat/completions", "json": body}


def _transcripts(recording: bytes) -> dict[str, Any]:
    return {
        "path": "/audio/transcriptions",
        "data": {"model": "whisper-1", "language": "en"},
        "files": {"file": recording},
    }


if __name__ == "__main__":
    stay_on([int(sys.argv[4])])
    run_as_usual()  # its parent may not
    os.nice(15)
    heard = Path(sys.argv[5]).read_bytes() if len(sys.argv) > 5 else None
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), heard))
