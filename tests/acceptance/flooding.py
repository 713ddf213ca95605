"""`python -m tests.acceptance.flooding URL KEY CLIENTS`: ask for long answers without a pause until ended.

A process of its own, on the shared pool's core and behind everything else there, so that what it does to
answers of others is what its requests do.
"""

import asyncio
import os
import sys

import httpx

from sayso.core.cores import stay_on, usable_cores

BODY = {"model": "gpt-3.5-turbo", "max_tokens": 64, "temperature": 0.0}
PAUSE_SECONDS = 0.25  # after a refusal


async def main(url: str, key: str, clients: int) -> None:
    """Keep so many clients busy."""
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(headers=headers, timeout=600) as http:
        await asyncio.gather(*(_client(http, f"{url}/chat/completions", one) for one in range(clients)))


async def _client(http: httpx.AsyncClient, url: str, number: int) -> None:
    asked = 0
    while True:
        asked += 1
        text = f"{number} {asked}: write a very long story about a lighthouse, in many chapters."
        answer = await http.post(url, json={**BODY, "messages": [{"role": "user", "content": text}]})
        if answer.status_code != 200:
            await asyncio.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    stay_on(usable_cores()[:1])
    os.nice(15)
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
