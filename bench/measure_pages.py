"""How long the server's pages take in a browser that has never been here, and what they weigh.

`python -m bench.measure_pages --server http://127.0.0.1:8000 --key sk-sayso-admin-… [--rounds N]` opens each
page N times in Debian's Chromium, every time as a new visitor with nothing kept. Pages take turns.
"""

import argparse
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from playwright.sync_api import Browser, Page, sync_playwright

MOST_MILLISECONDS = 300
MOST_BYTES = 200_000
_WAIT = 20_000  # milliseconds

# Asked in every animation frame from the first script on; the moment is kept when it is first true.
_SHOWN = """(() => {
  const look = () => {
    if (document.body && WHEN) {
      requestAnimationFrame(() => setTimeout(() => { window.shownAt = performance.now(); }));
    } else requestAnimationFrame(look);
  };
  look();
})()"""
_TIMES = """() => ({
  first: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
  loaded: performance.getEntriesByType("navigation")[0].loadEventEnd,
  shown: window.shownAt,
})"""
_SEARCH = """(word) => new Promise((done) => {
  const input = document.getElementById("search");
  const found = document.getElementById("found");
  new MutationObserver(() => found.querySelector("[data-at]") && done(performance.now() - begun))
    .observe(found, { childList: true });
  const begun = performance.now();
  input.focus();
  input.value = word;
  input.dispatchEvent(new Event("input"));
})"""


@dataclass(frozen=True, slots=True)
class Visited:
    """A page to open; `shown` is an expression that is true once what people came for is there."""

    name: str
    path: str
    shown: str
    signed_in: bool = True


VISITED = (
    Visited("console: usage", "/console", "document.querySelector('#page .stats dd, #page .empty')"),
    Visited("console: playground", "/console/playground", "document.querySelector('#page textarea')"),
    Visited("console: instances", "/console/instances", "document.querySelector('#page .block')"),
    Visited("console: keys", "/console/keys", "document.querySelector('#page table, #page .empty')"),
    Visited("console: signing in", "/console/sign-in", "document.querySelector('#key')", signed_in=False),
    Visited("documentation: contents", "/docs", "document.querySelector('footer')", signed_in=False),
    Visited("documentation: start here", "/docs/start", "document.querySelector('footer')", signed_in=False),
    Visited("documentation: errors", "/docs/errors", "document.querySelector('footer')", signed_in=False),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One visit: milliseconds from the request on, bytes as they travelled, and how many requests."""

    first: float
    loaded: float
    shown: float
    bytes: int
    requests: int


def measure_pages(browser: Browser, root: str, key: str, rounds: int) -> dict[str, list[Seen]]:
    """Return every visit by the page's name."""
    state = _signed_in(browser, root, key)
    found: dict[str, list[Seen]] = {page.name: [] for page in VISITED}
    for _ in range(rounds):
        for page in VISITED:
            found[page.name].append(_visit(browser, root, page, state if page.signed_in else None))
    return found


def measure_search(browser: Browser, root: str, rounds: int, word: str = "subtitles") -> list[float]:
    """Return the milliseconds from a word's last letter to the first hit, the first search of a visitor."""
    found = []
    for _ in range(rounds):
        context = browser.new_context(base_url=root)
        page = context.new_page()
        page.goto("/docs", wait_until="networkidle")
        found.append(float(page.evaluate(_SEARCH, word)))
        context.close()
    return found


def _signed_in(browser: Browser, root: str, key: str) -> object:
    context = browser.new_context(base_url=root)
    page = context.new_page()
    page.goto("/console/sign-in")
    page.locator("#key").fill(key)
    page.locator("#by-key button").click()
    page.wait_for_url("**/console")
    state = context.storage_state()
    context.close()
    return state


def _visit(browser: Browser, root: str, page: Visited, state: object) -> Seen:
    context = browser.new_context(base_url=root, storage_state=state)  # type: ignore[arg-type]
    opened = context.new_page()
    opened.add_init_script(_SHOWN.replace("WHEN", page.shown))
    weigh = _scales(opened)
    opened.goto(page.path)
    opened.wait_for_function("() => window.shownAt", timeout=_WAIT)
    opened.wait_for_load_state("networkidle")
    times = opened.evaluate(_TIMES)
    weight, requests = weigh()
    context.close()
    return Seen(times["first"], times["loaded"], times["shown"], weight, requests)


def _scales(page: Page) -> Callable[[], tuple[int, int]]:
    """Weigh what a page brings, by what travelled: the headers and the bodies as they were compressed."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    weights: list[int] = []
    devtools.on("Network.loadingFinished", lambda event: weights.append(int(event["encodedDataLength"])))
    return lambda: (sum(weights), len(weights))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.measure_pages", description=__doc__)
    parser.add_argument("--server", default="http://127.0.0.1:8000", metavar="URL")
    parser.add_argument("--key", required=True, help="an admin key")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--browser", default=shutil.which("chromium"), metavar="PROGRAM")
    asked = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=asked.browser)
        measure_pages(browser, asked.server, asked.key, 1)  # the server renders the documentation once
        found = measure_pages(browser, asked.server, asked.key, asked.rounds)
        search = measure_search(browser, asked.server, asked.rounds)
        browser.close()
    print(f"medians (most) of {asked.rounds} visits with nothing kept; target {MOST_MILLISECONDS} ms")
    print("| page | first paint, ms | loaded, ms | shown, ms | KB | requests |\n|---|---|---|---|---|---|")
    for name, seen in found.items():
        times = [_said([getattr(one, kind) for one in seen]) for kind in ("first", "loaded", "shown")]
        print(f"| {name} | {' | '.join(times)} | {seen[-1].bytes / 1000:.0f} | {seen[-1].requests} |")
    print(f"| first hit of the first search | | | {_said(search)} | | |")


def _said(values: list[float]) -> str:
    return f"{median(values):.0f} ({max(values):.0f})"


if __name__ == "__main__":
    main()
