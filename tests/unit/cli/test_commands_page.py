"""The committed page of commands is the generated one, and every guide names commands that there are."""

import re
from pathlib import Path

from tools.commands_page import page

ROOT = Path(__file__).parents[3]
USED = re.compile(r"\bsayso ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)?)")
FENCE = re.compile(r"^```(?:sh|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_page_is_up_to_date() -> None:
    written = (ROOT / "docs" / "commands.md").read_text("utf-8")
    assert written == page(), "run python -m tools.commands_page"


def test_guides_use_commands_that_there_are() -> None:
    known = set(re.findall(r"^## sayso ([a-z -]+)$", page(), re.MULTILINE))
    groups = {name.partition(" ")[0] for name in known if " " in name}
    for guide in (ROOT / "docs" / "guides").glob("*.md"):
        for text in FENCE.findall(guide.read_text("utf-8")):
            for said in USED.findall(text):
                first, _, second = said.partition(" ")
                if second and first in groups:
                    assert said in known, (guide.name, said)
                elif first not in groups:
                    assert first in known, (guide.name, said)
