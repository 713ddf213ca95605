"""The console's style sheets and scripts: addressed by a digest of them all, so that a browser keeps them."""

import gzip
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from posixpath import dirname, join, normpath

from sayso.api.console.words import LANGUAGES, words

TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}
LIBRARY = "vendor/htm-preact.js"  # what every page needs of what `make setup` brings

_IMPORT = re.compile(r"""\b(?:from|import) ?["'](\.[^"']+)["']""")


@cache
def assets() -> dict[str, bytes]:
    """Return every file by its path; the dictionaries are among them, as modules."""
    found = dict(_files(files(__package__).joinpath("assets"), ""))
    for language in LANGUAGES:
        found[f"words/{language}.js"] = b"export default " + words(language).as_json() + b";\n"
    return found


@cache
def compressed(name: str) -> bytes:
    """Return a file as gzip; the same bytes each time."""
    return gzip.compress(assets()[name], mtime=0)


@cache
def modules(name: str) -> tuple[str, ...]:
    """Return a script with all that it imports, so that a page asks for all of it at once."""
    found: dict[str, None] = {}
    waiting = [name]
    while waiting:
        module = waiting.pop(0)
        if module in found or module not in assets():
            continue
        found[module] = None
        folder = dirname(module)
        waiting += [normpath(join(folder, path)) for path in _IMPORT.findall(assets()[module].decode())]
    return tuple(found)


@cache
def version() -> str:
    """Return the digest that stands in every address."""
    digest = hashlib.sha256()
    for name, content in sorted(assets().items()):
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()[:12]


def address(name: str) -> str:
    """Return where a browser finds an asset."""
    return f"/console/assets/{version()}/{name}"


def has_libraries() -> bool:
    """Return whether the libraries of others are there; a checkout has them once it is set up."""
    return LIBRARY in assets()


def media_type(name: str) -> str:
    """Return the type of an asset's content."""
    return TYPES[name[name.rindex(".") :]]


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(tuple(TYPES)):
            yield f"{prefix}{entry.name}", entry.read_bytes()
