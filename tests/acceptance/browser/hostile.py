"""Strings that somebody could give a name to break the page that shows it; all are told apart."""

import random
from collections.abc import Iterator
from typing import Final

SCRIPTS: Final = (
    "<script>document.title='run'</script>",
    "<img src=x onerror=\"document.title='run'\">",
    "<svg onload=document.title='run'>",
    "\"><script>document.title='run'</script>",
    "'-(document.title='run')-'",
    "javascript:document.title='run'",
    "</title><script>document.title='run'</script>",
    "</textarea></select><script>document.title='run'</script>",
    "{{constructor.constructor(\"document.title='run'\")()}}",
    "${document.title='run'}",
    "<iframe srcdoc=\"<script>parent.document.title='run'</script>\">",
    "<a href=\"javascript:document.title='run'\">a</a>",
    "<style>*{display:none}</style>",
    "<base href=//evil.test>",
    "<form action=//evil.test><button>Sign in</button></form>",
    "<!--",
    "]]>",
    "<meta http-equiv=refresh content='0;url=//evil.test'>",
    "<math><mtext><table><mglyph><style><img src onerror=document.title='run'>",
    "__proto__",
    "constructor",
    '=HYPERLINK("//evil.test")',
)
TERMINAL: Final = (
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x1b[2J",
    "\x9b31m",
    "a\rb\nc\td",
    "\x7f\x08\x08",
)
DIRECTIONS: Final = (
    "\u202eevil\u202c",
    "\u2067\u2066\u2069",
    "\u061c\u200f\u200e",
    "مرحبا שלום",
    "\u202dabc\u2069\u2069\u2069",
)
LARGE: Final = ("W" * 256, "ด้้้้้็็็็็้้้้้้" * 12, "😀" * 128, "a " * 127 + "b", "\u0301" * 250, "a\u200b" * 128)
ODD: Final = (
    "\ufeff",
    "\u00ad",
    "🏳️‍🌈",
    "null",
    "undefined",
    "NaN",
    "[object Object]",
    "%00%0d%0a",
    "../../etc",
    "\\u003cscript\\u003e",
)
MOST: Final = 256  # characters of a name


def hostile_strings(count: int, seed: int = 0) -> Iterator[str]:
    """Return so many strings, each with a number in front: all parts once, then parts put together."""
    chosen = random.Random(seed)
    parts = [*SCRIPTS, *TERMINAL, *DIRECTIONS, *LARGE, *ODD]
    for number in range(count):
        few = [parts[number]] if number < len(parts) else chosen.sample(parts, 3)
        yield f"{number} {''.join(few)}"[:MOST]
