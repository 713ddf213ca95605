"""How a page is looked at: by axe for people who can not see it, and in pictures for those who can."""

import os
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

ROOT: Final = Path(__file__).parents[3]
AXE: Final = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
PICTURES: Final = "SCREENSHOTS"  # a folder; without it no picture is written
PHONE: Final = (390, 844)
DESK: Final = (1280, 860)


def serious(page: Page) -> list[str]:
    """Return what axe finds on the page that keeps people out, each with where it is."""
    page.evaluate(AXE.read_text("utf-8"))
    # Its preloading would put a style sheet into the page, which the page's policy refuses.
    found: dict[str, Any] = page.evaluate("() => axe.run({resultTypes: ['violations'], preload: false})")
    return [
        f"{rule['id']} ({rule['impact']}): {' | '.join(node['html'][:160] for node in rule['nodes'][:4])}"
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
    ]


def picture(page: Page, name: str, *, whole: bool = True) -> None:
    """Write a picture of the page, where one is asked for."""
    if folder := os.environ.get(PICTURES):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=whole)


def hanging_over(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    wider: int = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
    return max(0, wider)
