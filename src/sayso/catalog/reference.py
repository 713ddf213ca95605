"""Hub repositories by reference: how one is written, which of its files matter, and what model they make."""

import re
from collections.abc import Collection
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Final

from sayso.catalog.snapshot import HubSource, Kind, Snapshot
from sayso.errors import ConfigurationError

REFERENCE: Final = re.compile(
    r"(?P<repo>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@(?P<revision>[\w.-]+))?(?::(?P<file>[\w./+-]+))?",
    re.ASCII,
)
# Nothing an engine reads: documentation, pictures, and code, which is never run.
IGNORED: Final = frozenset({".md", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".py", ".ipynb", ".pdf"})


def parse_reference(text: str) -> Snapshot:
    """Read `owner/name`, `owner/name@revision` or either with `:file`; the text becomes the snapshot's id.

    Kind and engine stay open until the repository has been seen. Raises `ConfigurationError`.
    """
    match = REFERENCE.fullmatch(text)
    if not match:
        raise ConfigurationError(
            f"'{text}' is neither a known model nor a hub repository (owner/name[@revision][:file])"
        )
    include = (match["file"],) if match["file"] else ()
    return Snapshot(text, "chat", "", HubSource(match["repo"], match["revision"] or "main", include))


def choose(names: Collection[str], include: Collection[str]) -> tuple[str, ...]:
    """Return the files to take, sorted.

    Raises `ConfigurationError` if an `include` pattern matches none, or none was given where the repository
    holds several GGUF variants.
    """
    for pattern in include:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ConfigurationError(f"the repository has no file '{pattern}'")
    if include:
        return tuple(sorted(name for name in names if any(fnmatchcase(name, pattern) for pattern in include)))
    variants = sorted(name for name in names if name.endswith(".gguf"))
    if len(variants) > 1:
        raise ConfigurationError(
            f"the repository holds several models, name one after a colon: {', '.join(variants)}"
        )
    return tuple(sorted(name for name in names if not _is_ignored(name)))


def recognise(names: Collection[str]) -> tuple[Kind, str]:
    """Return kind and engine of a model with these files. Raises `ConfigurationError` for none known."""
    if any(name.endswith(".gguf") for name in names) or "openvino_model.xml" in names:
        return "chat", "openvino"
    if "model.bin" in names and any(name.startswith("vocabulary.") for name in names):
        return "speech", "whisper"
    raise ConfigurationError(
        "no engine here reads this repository: it holds no GGUF, OpenVINO IR or Whisper for CTranslate2"
    )


def _is_ignored(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        any(part.startswith(".") for part in path.parts)
        or path.suffix.lower() in IGNORED
        or path.name == "LICENSE"
    )
