"""The reference in a real browser: samples as tabs, and routes that are tried from the page."""

import json

from playwright.sync_api import Page, expect

from tests.acceptance.browser.conftest import NewPage
from tests.acceptance.browser.looking import PHONE, hanging_over, picture, serious
from tests.acceptance.running_server import RunningServer


def tried(page: Page, title: str, key: str = "") -> Page:
    """Open a route's form and put a key into it."""
    page.get_by_role("button", name=f"Try it: {title}", exact=True).click()
    if key:
        page.locator(".trial input[type=password]").fill(key)
    return page


def sent(page: Page) -> str:
    page.locator(".trial button").click()
    expect(page.locator(".trial button")).to_be_enabled()
    return page.locator(".trial pre").inner_text()


def test_a_chat_is_tried_from_the_page_and_its_key_is_kept_nowhere(
    new_page: NewPage, server: RunningServer
) -> None:
    page = new_page()
    page.goto("/docs/reference/chat")
    answer = sent(tried(page, "Create a chat completion", server.key))
    head, _, body = answer.partition("\n\n")
    assert head.startswith("200 OK")
    assert json.loads(body)["object"] == "chat.completion"
    assert serious(page) == []
    picture(page, "reference-tried", whole=False)
    kept = page.evaluate(
        "() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
    )
    assert server.key not in kept
    page.reload()
    tried(page, "Create a chat completion")
    expect(page.locator(".trial input[type=password]")).to_have_value("")


def test_a_recording_is_sent_from_the_page(
    new_page: NewPage, server: RunningServer, recording: object
) -> None:
    page = new_page(PHONE, "dark")
    page.goto("/docs/reference/audio")
    tried(page, "Create a transcription", server.key)
    page.locator(".trial input[type=file]").set_input_files(str(recording))
    page.get_by_label("response_format").select_option("srt")
    assert " --> 00:00:1" in sent(page)
    assert hanging_over(page) == 0
    assert serious(page) == []
    picture(page, "reference-tried-phone-dark", whole=False)


def test_what_is_typed_gets_to_where_it_belongs(new_page: NewPage, server: RunningServer) -> None:
    page = new_page()
    page.goto("/docs/reference/models")
    tried(page, "Retrieve a model", server.key)
    page.locator(".trial input").nth(1).fill("whisper-1")  # the first is the key
    assert json.loads(sent(page).partition("\n\n")[2])["id"] == "whisper-1"


def test_samples_are_tabs_that_stay_chosen(new_page: NewPage) -> None:
    page = new_page()
    page.goto("/docs/reference/audio")
    tabs = page.get_by_role("tablist")
    assert tabs.count() == 3
    tabs.nth(1).get_by_role("tab", name="Python").click()
    for number in range(3):
        chosen = tabs.nth(number).get_by_role("tab", selected=True)
        expect(chosen).to_have_text("Python")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Node", selected=True).nth(1)).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Node").nth(2)).to_contain_text("new OpenAI()")
    assert page.get_by_role("tabpanel", name="curl").count() == 0


def test_without_scripts_everything_is_there_to_read(new_page: NewPage) -> None:
    page = new_page(java_script_enabled=False)
    page.goto("/docs/reference/chat")
    for text in ("curl ", "from openai import OpenAI", "new OpenAI()", "messages[].content"):
        assert page.locator("article").get_by_text(text).first.is_visible(), text
    assert page.locator("button.try").count() == 0
