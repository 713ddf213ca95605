"""Commands are read when they are run, and their help says the same before and after."""

import subprocess
import sys
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from sayso.cli.deferred import whole
from sayso.cli.main import app

ROOT: Any = typer.main.get_command(app)
LOADED = """
import sys
from typer.testing import CliRunner
from sayso.cli.main import app
assert CliRunner().invoke(app, sys.argv[1:]).exit_code == 0
print(*sys.modules)
"""


def modules_after(*words: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", LOADED, *words], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", list(ROOT.commands))
def test_the_help_of_a_command_is_known_before_it_is_read(name: str) -> None:
    deferred = ROOT.commands[name]
    command = whole(deferred)
    assert deferred.help == command.help.partition("\n")[0]
    assert command.name == name


def test_help_reads_no_command() -> None:
    loaded = modules_after("--help")
    assert "sayso.cli.main" in loaded
    assert not {"sqlalchemy", "fastapi", "aiohttp", "pydantic", "sayso.cli.serve"} & loaded


def test_a_command_reads_no_other() -> None:
    loaded = modules_after("keys", "create", "--help")
    assert "sayso.cli.keys" in loaded
    assert not {"sayso.cli.instances", "sayso.cli.corpus", "fastapi"} & loaded


def test_a_group_shows_its_own_options_only() -> None:
    shown = CliRunner().invoke(app, ["keys", "--help"])
    assert shown.exit_code == 0
    assert "revoke" in shown.output
    assert "completion" not in shown.output


def test_a_mistyped_command_is_told_the_nearest() -> None:
    refused = CliRunner().invoke(app, ["serv"])
    assert refused.exit_code == 2
    assert "'serve'" in refused.output
