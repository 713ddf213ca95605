"""Snapshots as plain values: what the catalogue's TOML files and a pulled folder's `snapshot.json` hold."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import Any, Final, TypeVar

from sayso.catalog.snapshot import (
    FolderSource,
    HubSource,
    Kind,
    PackagePart,
    PackageSource,
    Snapshot,
    SnapshotFile,
    Source,
    UpstreamSource,
)
from sayso.errors import ConfigurationError

T = TypeVar("T")

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}")
KINDS: Final[Mapping[str, Kind]] = {"chat": "chat", "speech": "speech"}
SOURCES: Final[Mapping[str, type[Source]]] = {
    "package": PackageSource,
    "hub": HubSource,
    "folder": FolderSource,
    "upstream": UpstreamSource,
}


def shipped(name: str) -> tuple[Snapshot, ...]:
    """Return the entries of `<name>.toml`, a file of this package."""
    return tuple(parse_snapshot(entry) for entry in _toml(name)["model"])


def parse_snapshot(entry: Mapping[str, Any]) -> Snapshot:
    """Read one entry; `languages` is a list of codes or the name of a list in `languages.toml`.

    Raises `ConfigurationError` that names the model and the key that is wrong, missing or unknown.
    """
    name = check_name(entry.get("id"))
    try:
        values = dict(entry)
        return Snapshot(
            id=values.pop("id"),
            kind=_choice(KINDS, values.pop("kind"), "kind"),
            engine=values.pop("engine"),
            source=_source(values.pop("source")),
            files=tuple(_file(file) for file in values.pop("files", ())),
            languages=_languages(values.pop("languages", ())),
            **values,
        )
    except KeyError as error:
        raise ConfigurationError(f"model '{name}': {error.args[0]} is missing") from None
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"model '{name}': {error}") from None


def dump_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    """Return what `parse_snapshot` reads, as JSON values."""
    values = asdict(snapshot)
    kind = next(key for key, source in SOURCES.items() if isinstance(snapshot.source, source))
    return {**values, "source": {"type": kind, **asdict(snapshot.source)}}


def check_name(name: object) -> str:
    """Return `name` if a model or an alias may be called so, else raise `ConfigurationError`."""
    if isinstance(name, str) and NAME.fullmatch(name) and ".." not in name:
        return name
    raise ConfigurationError(
        f"{name!r} can not name a model: at most 200 letters, digits and . _ : / @ + -, no sign first"
    )


def _choice(options: Mapping[str, T], value: object, key: str) -> T:
    if isinstance(value, str) and value in options:
        return options[value]
    raise ValueError(f"{key} is {value!r}, not one of {', '.join(options)}")


def _source(entry: Mapping[str, Any]) -> Source:
    values = dict(entry)
    source = _choice(SOURCES, values.pop("type", None), "source.type")
    if "include" in values:
        values["include"] = tuple(values["include"])
    return source(**values)


def _file(entry: Mapping[str, Any]) -> SnapshotFile:
    values = dict(entry)
    parts = tuple(PackagePart(**part) for part in values.pop("parts", ()))
    file = SnapshotFile(**values, parts=parts)
    if file.name.startswith("/") or ".." in file.name.split("/"):
        raise ValueError(f"file name {file.name!r} leaves the model's folder")
    if not re.fullmatch(r"[0-9a-f]{64}", file.sha256) or file.size < 0:
        raise ValueError(f"file {file.name}: sha256 must be 64 hex digits and size a number of bytes")
    return file


def _languages(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(_choice(_toml("languages"), value, "languages"))
    if isinstance(value, list | tuple) and all(isinstance(code, str) for code in value):
        return tuple(value)
    raise ValueError("languages must be a list of codes or the name of a list")


@cache
def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads((files(__package__) / f"{name}.toml").read_text("utf-8"))
