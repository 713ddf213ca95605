"""A real browser: Debian's Chromium, driven by Playwright, on a server with the real models."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.acceptance.browser.looking import AXE, DESK
from tests.acceptance.browser.watching import Watched
from tests.acceptance.running_server import RunningServer

expect.set_options(timeout=30_000)  # milliseconds: a busy machine takes its time

QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where the browser is."""
    found = shutil.which("chromium")
    missing = "Chromium is not installed (Debian's package: chromium)" if found is None else ""
    if not AXE.exists():
        missing = "the console's libraries are not there (make setup)"
    if found is None or missing:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(f"{missing}, and REQUIRE_BROWSER asks for it")
        pytest.skip(missing)
    return found


@pytest.fixture(scope="module")
def browser_options(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """More of the browser's options, which a module may override."""
    return ()


@pytest.fixture(scope="module")
def browser(chromium: str, browser_options: tuple[str, ...]) -> Iterator[Browser]:
    """One for a module: Playwright keeps an event loop running, beside which no asynchronous test can."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=[*QUIET, *browser_options])
        yield launched
        launched.close()


@pytest.fixture
def watched() -> dict[BrowserContext, Watched]:
    """The watchers of a test's contexts."""
    return {}


NewPage = Callable[..., Page]


@pytest.fixture
def new_page(
    browser: Browser, server: RunningServer, watched: dict[BrowserContext, Watched]
) -> Iterator[NewPage]:
    """Make a page of a fresh, watched context; whatever is wrong with it at the end fails the test."""

    def make(size: tuple[int, int] = DESK, scheme: Any = "light", **options: Any) -> Page:
        context = browser.new_context(
            base_url=server.root_url,
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            locale=options.pop("locale", "en-GB"),
            reduced_motion="reduce",
            **options,
        )
        context.set_default_timeout(30_000)
        watched[context] = Watched(context, urlsplit(server.root_url).netloc)
        return context.new_page()

    yield make
    for context, watcher in watched.items():
        context.close()
        watcher.check()
