"""Write docs/commands.md from the commands themselves."""

import re
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer

from sayso.cli.deferred import whole
from sayso.cli.main import app

PAGE = Path(__file__).parent.parent / "docs" / "commands.md"

INTRODUCTION = """# Commands

<!-- Written by tools/commands_page.py: change the commands in src/sayso/cli and run it. -->

`make serve` puts `sayso` into `.venv/bin`. Commands work beside a running server, on its data folder and
without a key, unless they say otherwise. `sayso COMMAND --help` says the same as this page. A command ends
with status 0 where it did what it was asked to, and with 1 or 2 otherwise, the reason on standard error.
"""
EVERYWHERE = {  # said once
    "--help": "What the command does.",
    "--json": "JSON for programs, on standard output.",
    "--data-dir": "Folder for database, models and caches, where it is not the usual one.",
    "--config": "Settings file; by default `sayso.toml` in the current folder, if there is one.",
    "--org": "Organization, by id or slug; by default `default`, the first.",
    "--project": "A project, by id or name.",
}
_KINDS: dict[Any, str] = {int: "NUMBER", float: "NUMBER", Path: "PATH"}


def page() -> str:
    """Return the whole page."""
    root = typer.main.get_command(app)
    common = [f"| `{name}` | {said} |" for name, said in EVERYWHERE.items()]
    parts = [INTRODUCTION, "## Options that many have", "", "| option | meaning |", "|---|---|", *common]
    for path, command in _commands(root, ("sayso",)):
        parts += ["", *_shown(" ".join(path), command)]
    return "\n".join(parts) + "\n"


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    children = getattr(command, "commands", {})
    if not children or getattr(command, "invoke_without_command", False):
        yield path, command
    for name, child in children.items():
        yield from _commands(whole(child), (*path, name))


def _shown(name: str, command: Any) -> Iterator[str]:
    arguments = [_argument(one) for one in command.params if _is_argument(one)]
    options = [one for one in command.params if not _is_argument(one)]
    own = [one for one in options if not _said_before(one)]
    shared = [f"`{_names(one)[0]}`" for one in options if _said_before(one)]
    yield f"## {name}"
    yield ""
    yield f"`{' '.join([name, *arguments, '[OPTIONS]'])}`"
    yield ""
    yield _prose(command.help or "")
    documented = [one for one in command.params if _is_argument(one) and getattr(one, "help", None)]
    if own or documented:
        yield from ("", "| option | meaning |", "|---|---|")
        yield from (f"| `{_argument(one)}` | {_prose(one.help)} |" for one in documented)
        yield from (_option(one) for one in own)
    if shared:
        yield from ("", f"Also {', '.join(shared)}.")


def _is_argument(parameter: Any) -> bool:
    return str(parameter.param_type_name) == "argument"


def _argument(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name).upper().strip("[]")
    return name if parameter.required else f"[{name}]"


def _names(parameter: Any) -> list[str]:
    return sorted(
        (*parameter.opts, *parameter.secondary_opts), key=lambda name: (not name.startswith("--"), name)
    )


def _said_before(parameter: Any) -> bool:
    return _names(parameter)[0] in EVERYWHERE


def _option(parameter: Any) -> str:
    names = ", ".join(f"`{name}`" for name in _names(parameter))
    value = "" if parameter.is_flag else f" {_value(parameter)}"
    needed = " Required." if parameter.required else ""
    return f"| {names}{value} | {_prose(parameter.help or '')}{needed}{_default(parameter)} |"


def _default(parameter: Any) -> str:
    value = parameter.default
    said = value is None or callable(value) or value in ("", False, ()) or parameter.is_flag
    return "" if said else f" By default `{value}`."


def _value(parameter: Any) -> str:
    if parameter.metavar:
        return str(parameter.metavar).strip("<>[]").upper()
    annotation = parameter.type_descriptor.annotation
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{word}`" for word in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{word.value}`" for word in annotation)
    return _KINDS.get(annotation, "TEXT")


def _prose(text: str) -> str:
    return re.sub(r"\s+", " ", text.partition("\f")[0]).strip().replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(f"wrote {PAGE}\n")
