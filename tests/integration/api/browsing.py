"""A browser as the console's server sees it: a cookie, and the token that its pages carry."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import httpx


@dataclass(frozen=True)
class Browser:
    """Somebody who is signed in."""

    client: httpx.AsyncClient
    token: str
    csrf: str

    async def post(self, path: str, body: Mapping[str, object], **headers: str) -> httpx.Response:
        """Send a change as a page of the console does."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, json=body, headers={"x-csrf-token": self.csrf, **named})


async def sign_in(client: httpx.AsyncClient, **form: str) -> Browser:
    """Sign in with a `key` or a `link`."""
    answer = await client.post("/console/sign-in", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console"), answer.text
    page = await client.get("/console")
    found = re.search(r'<meta name="csrf" content="([0-9a-f]{64})">', page.text)
    assert found, page.text
    return Browser(client, client.cookies["sayso_console"], found[1])
