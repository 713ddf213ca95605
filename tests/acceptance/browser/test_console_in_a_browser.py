"""The console as people use it: signing in, keys, usage; every page, light, dark and on a phone."""

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, expect

from sayso.api.console.pages import PAGES
from tests.acceptance.browser.conftest import NewPage
from tests.acceptance.browser.consoles import OURS, open_page, sign_in
from tests.acceptance.browser.looking import DESK, PHONE, hanging_over, picture, serious
from tests.acceptance.commands import new_admin_key
from tests.acceptance.running_server import RunningServer

NARROW = (360, PHONE[1])
NAME = f"my <b>program</b> {uuid4().hex}"
MOST_BYTES = 200_000


def chat(server: RunningServer, key: str) -> httpx.Response:
    message = {"role": "user", "content": "Say hello."}
    body: dict[str, Any] = {"model": "gpt-3.5-turbo", "max_tokens": 8, "messages": [message]}
    headers = {"authorization": f"Bearer {key}"}
    return httpx.post(f"{server.base_url}/chat/completions", json=body, headers=headers, timeout=60.0)


@pytest.fixture(scope="module")
def admin_key(server: RunningServer) -> str:
    """A key to sign in with."""
    return new_admin_key(server.folder, "browser")


@pytest.fixture
def refusals(new_page: NewPage, watched: dict[Any, Any]) -> Iterator[None]:
    """Take the browser's own note of a refused request for none of the page's problems."""
    yield
    for watcher in watched.values():
        watcher.problems[:] = [one for one in watcher.problems if "Failed to load resource" not in one]


def test_a_link_signs_in_once_and_signing_out_ends_it(new_page: NewPage, server: RunningServer) -> None:
    command = [sys.executable, "-m", "sayso", "console", "--data-dir", str(server.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=server.folder)
    assert done.returncode == 0, done.stderr
    link = done.stdout.strip()
    page = new_page()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.goto(link)
    page.wait_for_url("**/console")
    token = link.partition("#link=")[2]
    assert token
    assert not any(token in address for address in sent)
    expect(page.get_by_role("heading", level=1)).to_have_text("Usage")
    cookie = {one["name"]: one for one in page.context.cookies()}["sayso_console"]
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/console")
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/console/sign-in")
    page.goto("/console/keys")
    page.wait_for_url(re.compile("/console/sign-in"))


def test_a_key_is_made_used_seen_in_usage_and_revoked(
    new_page: NewPage, server: RunningServer, admin_key: str
) -> None:
    page = new_page()
    sign_in(page, admin_key)
    open_page(page, "keys")
    page.get_by_role("button", name="Create key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(NAME)
    dialog.get_by_role("button", name="Create key").click()
    key = page.locator(".secret code").inner_text()
    assert key.startswith("sk-sayso-")
    assert serious(page) == []
    page.get_by_role("button", name="Done").click()
    assert chat(server, key).status_code == 200
    open_page(page, "usage")
    page.get_by_role("button", name="Key", exact=True).click()
    row = page.get_by_role("row").filter(has_text=NAME).first
    expect(row).to_contain_text("1")
    expect(row).to_contain_text("$0.0")
    open_page(page, "keys")
    assert key not in page.content()
    page.get_by_role("button", name=f"Revoke \u2068{NAME}\u2069").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("row").filter(has_text=NAME)).to_have_count(0)
    page.wait_for_timeout(600)  # how long a revoked key may still pass
    assert chat(server, key).status_code == 401


@pytest.mark.usefixtures("refusals")
def test_an_error_names_its_field(new_page: NewPage, admin_key: str) -> None:
    page = new_page()
    sign_in(page, admin_key)
    open_page(page, "projects")
    page.get_by_role("button", name="Create project").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("   ")
    dialog.get_by_role("button", name="Create project").click()
    name = dialog.get_by_label("Name")
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_be_focused()
    expect(dialog.locator(".wrong")).to_contain_text("1 to 256 characters")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Create project")).to_be_focused()


def test_the_language_can_be_switched(new_page: NewPage, admin_key: str) -> None:
    page = new_page(locale="zh-CN")
    page.goto("/console/sign-in")
    expect(page.get_by_role("heading", level=1)).to_have_text("登录控制台")
    page.get_by_role("link", name="English").click()
    sign_in(page, admin_key)
    open_page(page, "keys")
    page.get_by_role("link", name="中文").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("API 密钥")
    expect(page.get_by_role("button", name="创建密钥")).to_be_visible()
    assert serious(page) == []


def test_the_first_page_is_small(new_page: NewPage, admin_key: str) -> None:
    page = new_page()
    sign_in(page, admin_key)
    sizes: dict[str, int] = {}
    fresh = new_page(storage_state=page.context.storage_state())
    fresh.on(
        "requestfinished", lambda request: sizes.update({request.url: request.sizes()["responseBodySize"]})
    )
    open_page(fresh, "usage")
    assert sum(sizes.values()) < MOST_BYTES, sizes
    print(f"the first page: {sum(sizes.values())} bytes in {len(sizes)} answers")


def look_at(page: Page, shape: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in OURS:
        open_page(page, name)
        problems = serious(page)
        if over := hanging_over(page):
            problems.append(f"{over} pixels too wide")
        picture(page, f"console-{name}-{shape}")
        if problems:
            found[name] = problems
    return found


@pytest.mark.long
@pytest.mark.parametrize(("size", "scheme"), [(DESK, "light"), (DESK, "dark"), (NARROW, "light")])
def test_no_page_keeps_anybody_out(
    new_page: NewPage, server: RunningServer, admin_key: str, size: tuple[int, int], scheme: str
) -> None:
    page = new_page(size, scheme)
    sign_in(page, admin_key)
    chat(server, server.key)
    assert look_at(page, "phone" if size == NARROW else scheme) == {}


def test_the_menu_of_a_phone_is_used_by_keyboard(new_page: NewPage, admin_key: str) -> None:
    page = new_page(NARROW)
    sign_in(page, admin_key)
    menu = page.get_by_role("button", name="Menu")
    menu.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Usage")).to_be_focused()
    assert serious(page) == []
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()
    expect(page.get_by_role("link", name="Usage")).to_be_hidden()


ASKED = """
const real = window.fetch;
window.asked = [];
window.fetch = (address, ...more) => {
  window.asked.push(new URL(address, location).pathname + new URL(address, location).search);
  return real(address, ...more);
};
"""
PRELOADED = "() => [...document.querySelectorAll('link[as=fetch]')].map((one) => one.getAttribute('href'))"


def test_what_pages_ask_for_at_once_is_what_they_need_and_asked_once(
    new_page: NewPage, admin_key: str
) -> None:
    page = new_page()
    sign_in(page, admin_key)
    page.add_init_script(ASKED)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    for name in PAGES:
        sent.clear()
        page.goto(PAGES[name].path, wait_until="networkidle")
        preloaded, asked = page.evaluate(PRELOADED), page.evaluate("() => window.asked")
        assert set(preloaded) <= set(asked), name
        for path in preloaded:
            assert sum(one.endswith(path) for one in sent) == asked.count(path), (name, path)
