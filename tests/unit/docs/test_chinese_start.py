"""The Chinese "start here" has the same snippets as the English one, which is run."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def test_both_have_the_same_snippets() -> None:
    english, chinese = ((DOCS / name).read_text("utf-8") for name in ("start.md", "start.zh.md"))
    assert BLOCK.findall(english) == BLOCK.findall(chinese)
    assert len(re.findall(r"^## ", english, re.MULTILINE)) == len(re.findall(r"^## ", chinese, re.MULTILINE))
