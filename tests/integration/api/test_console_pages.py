"""The console's pages: what they may load, what they say, and that names in them are only text."""

import html
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from sayso.api.console import assets as console_assets
from sayso.api.console import rendering
from sayso.api.console.assets import assets, modules
from sayso.api.console.first_data import first_data
from sayso.api.console.pages import PAGES
from sayso.tenancy.tables import Organization
from tests.integration.api.browsing import Browser, sign_in
from tests.integration.api.conftest import MakeWorld
from tests.integration.api.tenants import Tenants, two_tenants
from tests.integration.api.test_documentation_pages import Page

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202e\x1b[31m"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tenants(make_world: MakeWorld, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Tenants]:
    folder = tmp_path_factory.mktemp("pages")
    async with two_tenants(make_world().services, f"sqlite:///{folder / 'sayso.db'}") as made:
        async with made.accounts.db.transaction() as session:
            (await session.get_one(Organization, made.first.owner.org_id)).name = HOSTILE
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def browser(tenants: Tenants) -> AsyncIterator[Browser]:
    async with tenants.client(None) as client:
        yield await sign_in(client, key=tenants.first.keys.owner)


@pytest.mark.parametrize("path", [*(page.path for page in PAGES.values()), "/console/sign-in"])
async def test_a_page_runs_only_what_the_package_brings(browser: Browser, path: str) -> None:
    answer = await browser.client.get(path)
    page = Page(answer.text)
    assert page.inline == []
    assert page.loads
    assert re.findall(r"<style|<script>", answer.text) == []
    for loaded in page.loads:
        assert urlsplit(loaded).netloc == ""
        found = await browser.client.get(loaded)
        assert found.status_code == 200, loaded
        kept = "no-store" if loaded.startswith("/console/v1/") else "immutable"
        assert kept in found.headers["cache-control"]
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "form-action 'self'; frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"


async def test_only_the_playground_has_a_nonce_and_each_time_another(browser: Browser) -> None:
    seen = set()
    for _ in range(2):
        answer = await browser.client.get("/console/playground")
        nonce = re.search(r"style-src 'self' 'nonce-([\w-]+)'", answer.headers["content-security-policy"])
        assert nonce
        assert f'<meta name="style-nonce" content="{nonce[1]}">' in answer.text
        seen.add(nonce[1])
    assert len(seen) == 2
    for page in PAGES.values():
        if not page.styled_by_script:
            policy = (await browser.client.get(page.path)).headers["content-security-policy"]
            assert "style-src 'self';" in policy


async def test_a_name_is_only_text(browser: Browser) -> None:
    for page in PAGES.values():
        text = (await browser.client.get(page.path)).text
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&gt;&lt;img" in text


async def test_answers_through_the_console_run_nothing(browser: Browser) -> None:
    for path in ("/organization/projects", "/organization/invoices/2026-01?format=html", "/nothing"):
        answer = await browser.client.get(f"/console/v1{path}")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "sandbox" in answer.headers["content-security-policy"]
        assert "script" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


async def test_a_language_is_chosen_by_the_browser_and_then_by_the_reader(browser: Browser) -> None:
    chinese = {"accept-language": "fr, zh-CN;q=0.8, en;q=0.5"}
    text = (await browser.client.get("/console", headers=chinese)).text
    assert '<html lang="zh">' in text
    assert "用量" in text
    answer = await browser.client.get("/console/language/en?to=/console/keys")
    assert answer.headers["location"] == "/console/keys"
    assert '<html lang="en">' in (await browser.client.get("/console", headers=chinese)).text
    browser.client.cookies.delete("sayso_language")
    assert (await browser.client.get("/console/language/xx")).status_code == 404


@pytest.mark.parametrize(
    "path", ["/console/nothing", "/console/assets/0/console.css", "/console/assets/{}/../routes.py"]
)
async def test_what_is_not_there_is_not_found(browser: Browser, path: str) -> None:
    assert (await browser.client.get(path)).status_code == 404


async def test_a_server_without_the_libraries_says_so(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "has_libraries", lambda: False)
    text = (await browser.client.get("/console")).text
    assert "make setup" in text
    assert "<script" not in text


async def test_the_package_has_no_way_around_escaping() -> None:
    for name, content in assets().items():
        if name.endswith(".js") and not name.startswith(("vendor/", "built/")):
            text = content.decode()
            for way in (
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "Function(",
            ):
                assert way not in text, (name, way)
            assert "dangerously" not in text, name


async def test_a_page_asks_at_once_for_all_that_its_script_imports() -> None:
    found = modules("pages/usage.js")
    assert found[0] == "pages/usage.js"
    assert {"core/chart.js", "core/ui.js", "core/api.js", "vendor/htm-preact.js", "vendor/preact.js"} <= set(
        found
    )
    assert not [
        name for name in modules("playground.js") if "wavesurfer" in name
    ]  # once there is a recording
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("name", PAGES)
async def test_what_a_page_has_a_browser_ask_for_at_once_is_there(browser: Browser, name: str) -> None:
    text = (await browser.client.get(PAGES[name].path)).text
    asked = re.findall(r'<link rel="preload" as="fetch" href="([^"]+)" crossorigin>', text)
    assert [html.unescape(path) for path in asked] == list(first_data(name, datetime.now(UTC)))
    for path in asked:
        assert (await browser.client.get(html.unescape(path))).status_code == 200, path


async def test_a_bundle_is_sent_as_long_as_it_is_of_the_scripts_of_now(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = {name: content for name, content in assets().items() if not name.startswith("built/")}
    built = {
        **plain,
        "built/usage.js": b"1",
        "built/sources.txt": console_assets.sources_digest(plain).encode(),
    }
    changed = built | {"core/ui.js": plain["core/ui.js"] + b"\n"}
    for files, sent in ((built, "built/usage.js"), (plain, "pages/usage.js"), (changed, "pages/usage.js")):
        with monkeypatch.context() as patched:
            patched.setattr(console_assets, "assets", lambda files=files: files)
            assert console_assets.script.__wrapped__("pages/usage.js") == sent
