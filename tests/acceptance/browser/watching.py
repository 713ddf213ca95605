"""Watches a page for what must not happen on any: errors, breaches of its policy, calls to other hosts."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

_REPORT = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""


class Watched:
    """What went wrong on the pages of a browser's context, in words; a test ends with `check`."""

    def __init__(self, context: BrowserContext, host: str) -> None:
        self.problems: list[str] = []
        self._host = host
        context.add_init_script(_REPORT)
        context.on("request", self._requested)
        context.on("page", self._opened)

    def check(self, *, but: Iterable[str] = ()) -> None:
        """Fail unless every problem contains one of `but`: refusals that the test itself brought about."""
        expected = tuple(but)
        found = [problem for problem in self.problems if not any(text in problem for text in expected)]
        self.problems.clear()
        assert not found, found

    def _opened(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.problems.append(f"{message.type}: {message.text} at {message.location.get('url', '')}")

    def _requested(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in {"blob", "data"} and address.netloc != self._host:
            self.problems.append(f"another host: {request.url}")
