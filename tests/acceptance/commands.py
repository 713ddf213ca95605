"""Commands that an operator runs beside a server."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.processes import without_settings


def sayso(folder: Path, *words: str, **environment: str) -> Any:
    """Run a command on the data folder of a server, and return the JSON that it prints."""
    options = ["--json", "--data-dir", str(folder)]
    if (folder / "sayso.toml").exists():
        options += ["--config", str(folder / "sayso.toml")]
    done = subprocess.run(
        [sys.executable, "-m", "sayso", *words, *options],
        check=True,
        capture_output=True,
        text=True,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        env={**without_settings(), **environment},
    )
    return json.loads(done.stdout)


def try_sayso(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command that may fail; the folder has a settings file."""
    options = ["--data-dir", str(folder), "--config", str(folder / "sayso.toml")]
    return subprocess.run(
        [sys.executable, "-m", "sayso", *words, *options],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
        env=without_settings(),
    )


def new_admin_key(folder: Path, name: str, **environment: str) -> str:
    """Make an admin key as the operator does."""
    return str(sayso(folder, "keys", "create", "--admin", "--name", name, **environment)["key"])
