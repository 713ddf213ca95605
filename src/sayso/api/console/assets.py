"""The console's style sheets and scripts: addressed by a digest of them all, so that a browser keeps them."""

import gzip
import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from posixpath import dirname, join, normpath

from sayso.api.console.words import LANGUAGES, words

TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}
BUILT = "built/"  # pages' scripts with all that they import, as `python -m tools.bundle_pages` makes them
BUILT_FROM = f"{BUILT}sources.txt"
LIBRARY = "vendor/htm-preact.js"  # what every page needs of what `make setup` brings

_IMPORT = re.compile(r"""\b(?:from|import) ?["'](\.[^"']+)["']""")


@cache
def assets() -> dict[str, bytes]:
    """Return every file by its path; the dictionaries are among them, as modules."""
    found = dict(read_files(files(__package__).joinpath("assets")))
    for language in LANGUAGES:
        found[f"words/{language}.js"] = b"export default " + words(language).as_json() + b";\n"
    return found


def sources_digest(files: Mapping[str, bytes]) -> str:
    """Return the digest of the scripts that bundles are made from."""
    digest = hashlib.sha256()
    for name in sorted(files):
        if name.endswith(".js") and not name.startswith((BUILT, "words/")):
            digest.update(name.encode() + b"\0" + hashlib.sha256(files[name]).digest())
    return digest.hexdigest()


def bundle_of(script: str) -> str:
    """Return where a page's script is in one piece, without `.js`: all in one folder, for imports by path."""
    return BUILT + script.removesuffix(".js").rpartition("/")[2]


@cache
def script(name: str) -> str:
    """Return a page's script in one piece if that is of the scripts of now, else the script itself."""
    made_from = assets().get(BUILT_FROM, b"").decode()
    built = f"{bundle_of(name)}.js"
    return built if built in assets() and made_from == sources_digest(assets()) else name


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


def read_files(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    """Read every file that a browser may ask for, with its path."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from read_files(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(tuple(TYPES)):
            yield f"{prefix}{entry.name}", entry.read_bytes()
