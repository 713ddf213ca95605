"""What the README tells a new user to type can be typed."""

import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main

from sayso.catalog.catalogue import Catalogue
from sayso.cli.deferred import whole
from sayso.cli.main import app
from sayso.config import Settings

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text("utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:sayso|make) [^`]+)`")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
COMMAND = re.compile(r"[a-z-]+")


def snippets(language: str) -> list[str]:
    return [text for kind, text in FENCE.findall(README) if kind == language]


def typed(program: str) -> list[list[str]]:
    """The words of every command line of `program`, in a snippet or in the text."""
    lines = [line for text in snippets("sh") for line in text.replace("\\\n", " ").splitlines()]
    lines += INLINE.findall(README)
    return [shlex.split(line, comments=True) for line in lines if line.startswith(f"{program} ")]


@pytest.mark.parametrize("snippet", snippets("python"))
def test_python_compiles(snippet: str) -> None:
    compile(snippet, "README.md", "exec")


@pytest.mark.parametrize("snippet", snippets("sh"))
def test_shell_parses(snippet: str) -> None:
    shell = shutil.which("bash")
    assert shell
    subprocess.run([shell, "-n"], input=snippet, text=True, check=True)


def test_settings_snippets_are_settings(tmp_path: Path) -> None:
    for snippet in snippets("toml"):
        values = tomllib.loads(snippet)
        settings = Settings(data_dir=tmp_path, **values)
        pulled = {"qwen2.5-0.5b-instruct-q8_0"} & set(settings.load_models)
        catalogue = Catalogue.load(tmp_path / "models", settings.models, settings.aliases)
        known = {snapshot.id for snapshot in catalogue.snapshots}
        assert pulled | set(settings.models) <= known


def inner(command: Any) -> dict[str, Any]:
    """The commands of a group, none for a plain command."""
    return {name: whole(child) for name, child in getattr(command, "commands", {}).items()}


def options(command: Any) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts} | {"--help"}


@pytest.mark.parametrize("words", typed("sayso"), ids=" ".join)
def test_sayso_has_the_command_and_its_options(words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    rest = words[1:]
    while inner(command) and rest and COMMAND.fullmatch(rest[0]):
        assert rest[0] in inner(command), f"there is no command {rest[0]}"
        command, rest = inner(command)[rest[0]], rest[1:]
    assert {word for word in rest if word.startswith("--")} <= options(command)


def test_make_has_the_targets() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert typed("make")
    assert {words[1] for words in typed("make")} <= targets


def test_every_option_in_the_text_is_one_of_ours() -> None:
    def everywhere(command: Any) -> set[str]:
        return options(command).union(*map(everywhere, inner(command).values()))

    assert set(OPTION.findall(README)) <= everywhere(typer.main.get_command(app))
