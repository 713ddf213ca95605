"""/docs shows every page of docs/, whole, safely, and with links that lead somewhere."""

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from sayso.api.documentation.library import library
from sayso.api.documentation.markdown import render
from sayso.api.reference.pages import chapter_titles
from tests.integration.api.conftest import MakeWorld

DOCS = Path(__file__).parents[3] / "docs"
NAMES = sorted(str(path.relative_to(DOCS).with_suffix("")) for path in DOCS.rglob("*.md"))
ROUTES = [name for name, _ in chapter_titles()]
HERE = "http://sayso.test"


class Page(HTMLParser):
    """What a page loads, links to, and can be linked to at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors.add(given.get("id") or "")
        self.inline += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        if tag in ("script", "img", "iframe"):
            self.loads.append(given.get("src") or "inline")
        elif tag == "link":
            self.loads.append(given.get("href") or "")
        elif tag == "a":
            self.links.append(given.get("href") or "")


@pytest.fixture
async def site(make_world: MakeWorld) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_world().app)
    async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
        yield client


async def test_every_page_is_there_and_every_link_leads_somewhere(site: httpx.AsyncClient) -> None:
    pages: dict[str, Page] = {}
    for path in ("/docs", *(f"/docs/{name}" for name in (*NAMES, *ROUTES) if name != "index")):
        answer = await site.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        pages[path] = Page(answer.text)
    for path, page in pages.items():
        assert page.inline == [], path
        assert page.loads, path
        for loaded in page.loads:
            assert urlsplit(loaded).netloc == "", (path, loaded)
            assert (await site.get(loaded)).status_code == 200, (path, loaded)
        for link in page.links:
            target = urlsplit(urljoin(f"{HERE}{path}", link))
            if target.netloc != "sayso.test" or target.path.endswith(".md"):
                continue
            if target.path in {"/llms.txt", "/openapi.json"}:
                assert (await site.get(target.path)).status_code == 200
                continue
            if target.path == "/console":  # not a page of the documentation
                assert (await site.get(target.path)).status_code == 303
                continue
            assert target.path in pages, (path, link)
            assert target.fragment in pages[target.path].anchors | {""}, (path, link)


async def test_the_list_of_contents_has_every_page() -> None:
    listed = [name for chapter in library().chapters for name, _ in chapter.pages]
    assert sorted([*listed, "index"]) == NAMES
    assert len(set(listed)) == len(listed)


async def test_nothing_from_elsewhere_may_run(site: httpx.AsyncClient) -> None:
    policy = (await site.get("/docs/start")).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"https?:", policy)


async def test_code_has_colours_by_day_and_by_night(site: httpx.AsyncClient) -> None:
    sheet = (await site.get("/docs/assets/docs.css")).text
    assert set(re.findall(r"prefers-color-scheme: *([^)]*)\)", sheet)) == {"light", "dark"}
    for scheme in ("light", "dark"):
        rules = sheet.split(f"@media (prefers-color-scheme: {scheme}) {{")[-1]
        assert re.search(r"pre code \.kn? *\{ *color: #", rules), scheme


async def test_a_page_that_has_not_changed_is_not_sent_again(site: httpx.AsyncClient) -> None:
    first = await site.get("/docs/start")
    again = await site.get("/docs/start", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/docs/nothing", "/docs/../README", "/docs/assets/routes.py", "/docs/nothing.md"]
)
async def test_what_is_no_page_is_not_found(site: httpx.AsyncClient, path: str) -> None:
    answer = await site.get(httpx.URL(f"{HERE}{path}"))
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_a_page_is_there_as_markdown_too(site: httpx.AsyncClient) -> None:
    answer = await site.get("/docs/start.md")
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert answer.text == (DOCS / "start.md").read_text("utf-8")
    listed = re.findall(r"\((/docs/[^)]+\.md)\)", (await site.get("/llms.txt")).text)
    assert len(listed) == len(NAMES) - 1 + len(ROUTES)
    for path in listed:
        assert (await site.get(path)).status_code == 200


async def test_the_search_knows_what_stands_in_every_section(site: httpx.AsyncClient) -> None:
    entries = (await site.get("/docs/search.json")).json()
    found = [entry["at"] for entry in entries if "make serve" in entry["text"]]
    assert "/docs/start#serve" in found
    shown = Page((await site.get("/docs/start")).text).anchors
    ours = [urlsplit(entry["at"]).fragment for entry in entries if entry["at"].startswith("/docs/start#")]
    assert ours
    assert set(ours) <= shown


def test_html_in_markdown_is_shown_and_not_obeyed() -> None:
    shown = render("# A\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1)) `<b>`\n", str)
    assert "<script" not in shown.html
    assert "&lt;script&gt;" in shown.html
    assert 'href="javascript:' not in shown.html
    assert "<b>" not in shown.html


def test_two_headings_of_one_name_have_two_anchors() -> None:
    shown = render("# A\n\n## Same thing\n\none\n\n## Same thing\n\ntwo\n", str)
    assert [(section.anchor, section.text) for section in shown.sections] == [
        ("a", ""),
        ("same-thing", "one"),
        ("same-thing-1", "two"),
    ]


async def test_notes_of_programs_that_write_pages_are_not_shown(site: httpx.AsyncClient) -> None:
    assert "<!-- Written by" in (await site.get("/docs/settings.md")).text
    for name in NAMES:
        assert "&lt;!--" not in (await site.get(f"/docs/{name}", follow_redirects=True)).text, name


async def test_a_cell_says_which_column_it_is_in_and_long_names_may_be_broken() -> None:
    source = "| name | meaning |\n|---|---|\n| `max_upload_bytes` | `a.b[c]` |\n"
    html = render(source, str).html
    assert '<td data-label="name"><code>max_<wbr>upload_<wbr>bytes</code></td>' in html
    assert '<td data-label="meaning"><code>a.<wbr>b[c]</code></td>' in html


async def test_the_frame_of_a_chinese_page_is_chinese(site: httpx.AsyncClient) -> None:
    page = (await site.get("/docs/start.zh")).text
    assert '<html lang="zh">' in page
    assert 'placeholder="搜索"' in page
    assert '<a href="/docs/start" lang="en" hreflang="en">English</a>' in page
    assert '<a href="/docs/start.zh" lang="zh" hreflang="zh">中文</a>' in (await site.get("/docs/start")).text


async def test_what_a_page_loads_is_kept_and_everything_is_compressed(site: httpx.AsyncClient) -> None:
    page = await site.get("/docs/start", headers={"accept-encoding": "gzip"})
    assert page.headers["content-encoding"] == "gzip"
    assert page.headers["cache-control"] == "no-cache"
    assert (await site.get("/docs/start", headers={"accept-encoding": "identity"})).text == page.text
    for loaded in Page(page.text).loads:
        kept = await site.get(loaded)
        assert kept.headers["cache-control"] == "public, max-age=31536000, immutable", loaded
        assert (await site.get(loaded.partition("?")[0])).headers["cache-control"] == "no-cache"
        assert (await site.get(f"{loaded}0")).headers["cache-control"] == "no-cache"


async def test_people_who_are_lost_get_a_page_and_programs_an_error(site: httpx.AsyncClient) -> None:
    person, program = {"accept": "text/html,*/*"}, {"accept": "*/*"}
    root = await site.get("/", headers=person)
    assert (root.status_code, root.headers["location"]) == (303, "/docs")
    assert (await site.get("/", headers=program)).json()["error"]["code"] == "unknown_url"
    for path, said in (("/docs/nothing", "There is no such page"), ("/console/nothing", "To the console")):
        lost = await site.get(path, headers=person)
        assert lost.status_code == 404
        assert said in lost.text
        assert "default-src 'none'" in lost.headers["content-security-policy"]
        assert (await site.get(path, headers=program)).json()["error"]["code"] == "unknown_url"
    assert (await site.get("/docs/assets/nothing", headers=person)).json()["error"]["code"] == "unknown_url"
