"""1,000 hostile strings through every field that a page shows: none runs, none breaks a page.

Where the API takes no such text (names of instances, amounts), it is held to refusing it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.browser.conftest import NewPage
from tests.acceptance.browser.consoles import OURS, open_page, sign_in
from tests.acceptance.browser.hostile import DIRECTIONS, LARGE, SCRIPTS, TERMINAL, hostile_strings
from tests.acceptance.browser.looking import DESK, PHONE, hanging_over
from tests.acceptance.commands import new_admin_key, sayso
from tests.acceptance.running_server import RunningServer, start_server

COUNT = 1_000
KINDS = 14  # of fields
TYPED = 60
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
        self.folder = server.folder
        self.counted = Counter[bool]()
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
        match number % KINDS:
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
            case 7:
                if self.taken(f"{organization}/model_aliases", {"alias": text, "snapshot": "fast"}):
                    self.chat(text, model=text)
            case 8:
                end = {"model": f"old {number}", "shutdown_at": 4_070_908_800, "replacement": text}
                self.taken(f"{organization}/model_deprecations", end)
            case 9:
                permission = {"mode": "deny_list", "model_ids": [text]}
                self.taken(f"{project}/model_permissions", permission)
                self.taken(f"{project}/model_pins", {"model": text, "snapshot": "fast"})
            case 10:
                word = re.sub(r"[@\s]", "", text)[:64]
                self.ask("POST", f"{organization}/invites", {"email": f"{word}@x.test", "role": "reader"})
            case 11:
                self.ask("POST", f"{organization}/credits", {"amount": "0.01", "reference": text})
            case 12:
                instance = {"project_id": self.project, "model": "fast", "cores": 1, "memory_mib": 1024}
                self.refused(f"{organization}/instances", {**instance, "name": text})
                self.refused(f"{organization}/budgets", {"threshold_amount": text, "currency": text})
            case _:
                self.chat(text)

    def taken(self, path: str, body: Any) -> bool:
        """Send what may be refused for its characters."""
        answer = self._admin.post(self._root + path, json=body)
        assert answer.status_code in {200, 400, 404}, (path, answer.text, body)
        self.counted[answer.status_code == 200] += 1
        return answer.status_code == 200

    def refused(self, path: str, body: Any) -> None:
        answer = self._admin.post(self._root + path, json=body)
        assert answer.status_code == 400, (path, answer.text, body)

    def chat(self, text: str, model: str = "fast") -> None:
        body = {
            "model": model,
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
    print(f"names of models: {giver.counted[True]} taken, {giver.counted[False]} refused")
    open_page(desk, "projects")
    desk.get_by_role("button", name="All", exact=True).click()
    shown = desk.get_by_role("cell", name=re.compile("^0 <script>document.title='run'"))
    expect(shown.first).to_be_visible()


def test_members_may_be_called_anything(new_page: NewPage, giver: Giver, admin_key: str) -> None:
    for number, text in enumerate((SCRIPTS[0], SCRIPTS[11], TERMINAL[1], DIRECTIONS[0], LARGE[0])):
        invite = {"email": f"member{number}@x.test", "role": "reader"}
        made = giver.ask("POST", "/organization/invites", invite)
        sayso(giver.folder, "invites", "accept", made["id"], "--name", text)
    for size in (DESK, NARROW):
        page = new_page(size)
        sign_in(page, admin_key)
        look_at(page, ["members", "projects", "audit"])


@pytest.mark.long
@pytest.mark.timeout(300)
def test_what_is_typed_runs_nowhere(new_page: NewPage, admin_key: str) -> None:
    page = new_page()
    sign_in(page, admin_key)
    page.goto("/console/playground")
    page.get_by_role("button", name="Show code").wait_for()
    for text in hostile_strings(TYPED):
        shown = re.sub(r"[\r\n]", " ", text)
        page.locator("#message").fill(shown)
        page.get_by_role("button", name="Show code").click()
        for language in ("Python", "Node", "curl"):
            page.get_by_role("button", name=language, exact=True).click()
        assert page.locator("dialog").locator("script, iframe, img, base, meta, style").count() == 0
        page.keyboard.press("Escape")
        assert (page.title(), hanging_over(page)) == ("Playground · sayso", 0)
    page.locator(".composer button.primary").click()
    expect(page.locator(".turn.by-assistant .text")).not_to_be_empty()
    page.goto("/docs")
    for text in hostile_strings(TYPED):
        page.locator("#search").fill(re.sub(r"[\r\n]", " ", text))
        assert page.locator("#found").locator("script, iframe, img, base, meta, style").count() == 0
        assert (page.title(), hanging_over(page)) == ("Documentation · sayso", 0)
    for text in hostile_strings(TYPED):
        page.goto("/console/sign-in?to=" + quote(text))
        assert page.locator("#by-key input[name=to]").input_value() == "/console"


@pytest.mark.speech
@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_file_may_be_called_anything(new_page: NewPage, admin_key: str) -> None:
    page = new_page(NARROW)
    sign_in(page, admin_key)
    page.goto("/console/playground#speech")
    for text in hostile_strings(TYPED):
        page.set_input_files("#file", {"name": text, "mimeType": "audio/wav", "buffer": b"RIFF"})
        expect(page.locator(".chosen")).to_be_visible()
        assert page.locator("#page").locator("script, iframe, img, base, meta").count() == 0
        assert (page.title(), hanging_over(page)) == ("Playground · sayso", 0)
