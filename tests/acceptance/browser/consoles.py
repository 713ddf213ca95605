"""Signing in to the console of a server, as people do."""

import re
from typing import Final

from playwright.sync_api import Page, expect

from sayso.api.console.pages import PAGES

OURS: Final = [page.name for page in PAGES.values() if page.name != "playground"]


def sign_in(page: Page, key: str) -> None:
    """Sign in with an admin key."""
    page.goto("/console")
    page.wait_for_url(re.compile("/console/sign-in"))
    page.get_by_label("Admin key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/console")


def open_page(page: Page, name: str) -> None:
    """Go to a page and wait until it shows what it has loaded."""
    page.goto(PAGES[name].path)
    expect(page.locator("#page .loading")).to_have_count(0)
    expect(page.locator(".plot:not(:has(canvas))")).to_have_count(0)
