"""1,000 hostile strings through every field that a page of the console shows: none runs, none breaks it."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.browser.conftest import NewPage
from tests.acceptance.browser.consoles import OURS, open_page, sign_in
from tests.acceptance.browser.hostile import hostile_strings
from tests.acceptance.browser.looking import DESK, PHONE, hanging_over
from tests.acceptance.commands import new_admin_key
from tests.acceptance.running_server import RunningServer, start_server

COUNT = 1_000
LOOKS = 3  # at every page, while the strings come in
NARROW = (360, PHONE[1])
FAKE = """
load_models = ["fast"]
[models.fast]
kind = "chat"
engine = "fake"
context_length = 4096
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One of its own: what it is given stays."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "sayso.toml").write_text(FAKE)
    running = start_server(folder)
    try:
        yield running
    finally:
        running.stop()


class Giver:
    """Gives the strings to everything that takes a text, in turn."""

    def __init__(self, server: RunningServer, admin_key: str) -> None:
        self._root = server.base_url
        self._admin = httpx.Client(headers={"authorization": f"Bearer {admin_key}"}, timeout=60.0)
        self._caller = httpx.Client(headers={"authorization": f"Bearer {server.key}"}, timeout=60.0)
        self.project = str(self.ask("GET", "/organization/projects")["data"][0]["id"])

    def close(self) -> None:
        self._admin.close()
        self._caller.close()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._admin.request(method, self._root + path, json=body)
        assert answer.status_code == 200, (path, answer.text, body)
        return answer.json()

    def give(self, number: int, text: str) -> None:
        organization, project = "/organization", f"/organization/projects/{self.project}"
        match number % 8:
            case 0:
                made = self.ask("POST", f"{organization}/projects", {"name": text})
                self.ask("POST", f"{organization}/projects/{made['id']}/archive")
            case 1:
                self.ask("POST", f"{project}/service_accounts", {"name": text})
            case 2:
                self.ask("POST", f"{organization}/admin_api_keys", {"name": text})
            case 3:
                self.ask("POST", f"{organization}/legal_holds", {"reason": text})
            case 4:
                channel = {"type": "email", "recipients": [text], "subject_prefix": text}
                alert = {"threshold_amount": 100_000_000 + number, "currency": "USD", "interval": "month"}
                self.ask("POST", f"{organization}/spend_alerts", {**alert, "notification_channel": channel})
            case 5:
                self.ask("POST", f"{organization}/erasures", {"scope": "end_user", "id": text})
            case 6:
                self.ask("POST", project, {"name": text})
            case _:
                self._chat(text)

    def _chat(self, text: str) -> None:
        body = {
            "model": "fast",
            "messages": [{"role": "user", "content": text}],
            "user": text,
            "metadata": {"name": text},
            "store": True,
            "max_tokens": 2,
        }
        answer = self._caller.post(f"{self._root}/chat/completions", json=body)
        assert answer.status_code == 200, answer.text


def look_at(page: Page, names: Sequence[str]) -> None:
    for name in names:
        open_page(page, name)
        assert page.title().endswith("· sayso"), name
        expect(page.get_by_role("navigation")).to_have_count(0 if page.viewport_size == _size(NARROW) else 1)
        expect(page.locator("#page .problem")).to_have_count(0)
        assert hanging_over(page) == 0, name
        assert page.locator("#page").locator("script, iframe, img, base, meta, style").count() == 0, name


def _size(size: tuple[int, int]) -> dict[str, int]:
    return {"width": size[0], "height": size[1]}


@pytest.fixture(scope="module")
def admin_key(server: RunningServer) -> str:
    """A key to sign in with."""
    return new_admin_key(server.folder, "hostile")


@pytest.fixture
def giver(server: RunningServer, admin_key: str) -> Iterator[Giver]:
    """Who gives the strings."""
    made = Giver(server, admin_key)
    yield made
    made.close()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_no_string_runs_or_breaks_a_page(new_page: NewPage, giver: Giver, admin_key: str) -> None:
    desk, phone = new_page(DESK), new_page(NARROW)
    sign_in(desk, admin_key)
    sign_in(phone, admin_key)
    between = COUNT // LOOKS
    for number, text in enumerate(hostile_strings(COUNT)):
        giver.give(number, text)
        if number % between == between - 1:
            look_at(desk, OURS)
    look_at(phone, OURS)
    open_page(desk, "projects")
    desk.get_by_role("button", name="All", exact=True).click()
    shown = desk.get_by_role("cell", name=re.compile("^0 <script>document.title='run'"))
    expect(shown.first).to_be_visible()
