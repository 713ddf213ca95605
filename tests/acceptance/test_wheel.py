"""Whoever installs the wheel has the documentation and the console: nothing is built or fetched there."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sayso.api.console.assets import bundle_of
from sayso.api.console.pages import PAGES

ROOT = Path(__file__).parents[2]
VENDOR = "sayso/api/console/assets/vendor"


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    if not (ROOT / "src" / VENDOR / "htm-preact.js").exists():
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail("the console's libraries are not there, and REQUIRE_BROWSER asks for them")
        pytest.skip("the console's libraries are not there (make setup)")
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for name in ("src", "docs"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignored)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-w",
        "dist",
        ".",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    (wheel,) = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        return set(opened.namelist())


def test_the_wheel_has_the_consoles_libraries_with_their_licences(names: set[str]) -> None:
    for name in (
        "htm-preact.js",
        "preact.js",
        "hooks.js",
        "uplot.js",
        "uplot.css",
        "wavesurfer.js",
        "LICENSES.txt",
    ):
        assert f"{VENDOR}/{name}" in names


def test_the_wheel_has_each_pages_script_in_one_piece(names: set[str]) -> None:
    if not (ROOT / "src" / VENDOR).with_name("built").exists() and not os.environ.get("REQUIRE_BROWSER"):
        pytest.skip("the pages' scripts are not bundled (make setup)")
    for page in PAGES.values():
        assert f"sayso/api/console/assets/{bundle_of(page.script)}.js" in names


def test_the_wheel_has_every_file_of_the_pages(names: set[str]) -> None:
    for part in ("documentation", "console"):
        for kind in ("assets", "templates", "pages"):
            folder = ROOT / "src" / "sayso" / "api" / part / kind
            files = [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []
            for path in files:
                assert path.relative_to(ROOT / "src").as_posix() in names


def test_the_wheel_has_nothing_that_only_a_checkout_needs(names: set[str]) -> None:
    assert not [
        name for name in names if "node_modules" in name or name.startswith(("tests/", "web/", "tools/"))
    ]
