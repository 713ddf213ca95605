"""The documentation as people see it: every page, light and dark, wide and on a phone."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from sayso.api.reference.pages import chapter_titles
from tests.acceptance.browser.conftest import NewPage
from tests.acceptance.browser.looking import DESK, PHONE, ROOT, hanging_over, picture, serious

DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md"))
ROUTES = [name for name, _ in chapter_titles()]
LOOKED_AT = ("index", "start", "start.zh", "guides/chat", "errors", "settings", ROUTES[0])
MOST_BYTES = 200_000


def address(name: str) -> str:
    return "/docs" if name == "index" else f"/docs/{name}"


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("size", "scheme"), [(DESK, "light"), (DESK, "dark"), (PHONE, "light")])
def test_no_page_keeps_anybody_out(new_page: NewPage, size: tuple[int, int], scheme: str) -> None:
    page = new_page(size, scheme)
    found = {}
    for name in (*PAGES, *ROUTES):
        page.goto(address(name))
        problems = serious(page)
        if over := hanging_over(page):
            problems.append(f"{over} pixels too wide")
        if problems:
            found[name] = problems
    print(f"{len(PAGES) + len(ROUTES)} pages")
    assert found == {}


@pytest.mark.parametrize(("size", "scheme"), [(DESK, "light"), (DESK, "dark"), (PHONE, "light")])
def test_pages_fit_and_can_be_read(new_page: NewPage, size: tuple[int, int], scheme: str) -> None:
    page = new_page(size, scheme)
    for name in LOOKED_AT:
        page.goto(address(name))
        assert hanging_over(page) == 0, name
        assert serious(page) == [], name
        shape = "phone" if size == PHONE else "desk"
        picture(page, f"docs-{Path(name).name}-{shape}-{scheme}", whole=False)


def test_the_search_finds_and_is_used_by_keyboard(new_page: NewPage) -> None:
    page = new_page()
    page.goto("/docs")
    page.keyboard.press("/")
    page.keyboard.type("subtitles")
    expect(page.locator("#found li").first).to_be_visible()
    assert serious(page) == []
    page.keyboard.type("qqqq")
    expect(page.locator("#found")).to_have_text("Nothing found")
    assert serious(page) == []
    page.keyboard.press("Enter")
    page.locator("#search").fill("subtitles")
    expect(page.locator("#found li").nth(1)).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/docs/*/**")


def test_the_first_page_has_samples_and_leads_everywhere(new_page: NewPage) -> None:
    page = new_page(PHONE)
    page.goto("/docs")
    expect(page.get_by_role("link", name="Start here")).to_be_in_viewport()
    for title, said in (("Chat", "client.chat.completions.create"), ("Transcription", "client.audio")):
        sample = page.get_by_role("region", name=title)
        expect(sample.get_by_text("curl $OPENAI_BASE_URL")).to_be_visible()
        sample.get_by_role("tab", name="Python").click()
        expect(sample.get_by_text(said)).to_be_visible()
        sample.get_by_role("tab", name="curl").click()
    page.get_by_text("Decisions").click()
    assert hanging_over(page) == 0
    assert serious(page) == []
    page.get_by_role("link", name="Start here").click()
    page.wait_for_url("**/docs/start")


def test_the_first_page_is_small(new_page: NewPage) -> None:
    page = new_page()
    sizes: dict[str, int] = {}
    page.on(
        "requestfinished", lambda request: sizes.update({request.url: request.sizes()["responseBodySize"]})
    )
    page.goto("/docs/start", wait_until="networkidle")
    print("bytes", sizes)
    assert 0 < sum(sizes.values()) < MOST_BYTES
