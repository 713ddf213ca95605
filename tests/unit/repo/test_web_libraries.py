import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import web_libraries
from tools.web_libraries import COPIED, ROOT, Copied, as_served, copy, main, npm_command

LOCK = json.loads((ROOT / "web" / "package-lock.json").read_text("utf-8"))
WANTED = json.loads((ROOT / "web" / "package.json").read_text("utf-8"))


def test_every_library_is_pinned_to_one_version_and_its_digest() -> None:
    packages = {name: entry for name, entry in LOCK["packages"].items() if name}
    assert packages
    for name, entry in packages.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", entry["version"])
        assert entry["integrity"].startswith("sha512-")
        # esbuild's only makes its command start sooner, and `npm ci` runs nobody's.
        assert "hasInstallScript" not in entry or name == "node_modules/esbuild"


def test_the_lock_has_what_the_pages_ask_for() -> None:
    for name, version in {**WANTED["dependencies"], **WANTED["devDependencies"]}.items():
        assert LOCK["packages"][f"node_modules/{name}"]["version"] == version


def test_what_is_copied_is_served_and_nothing_that_only_tests_need() -> None:
    assert {file.source.partition("/")[0] for file in COPIED} == set(WANTED["dependencies"])


@pytest.mark.parametrize(
    ("text", "served"),
    [
        ('import{h as a}from"preact";', 'import{h as a}from"./preact.js";'),
        ("import x from 'htm'", 'import x from "./htm.js"'),
        ('import "preact"', 'import "./preact.js"'),
        ('say("from preact")', 'say("from preact")'),
        ("x()\n//# sourceMappingURL=x.map", "x()\n"),
    ],
)
def test_imports_are_paths_and_no_map_is_asked_for(text: str, served: str) -> None:
    assert as_served(Copied("a", "b"), text) == served


def test_a_script_becomes_a_module() -> None:
    assert as_served(Copied("a", "b", export="It"), "var It=1;") == "var It=1;\nexport default It;\n"


def test_the_copy_has_licences_and_nothing_old(tmp_path: Path) -> None:
    modules, vendor = tmp_path / "node_modules", tmp_path / "vendor"
    for file in COPIED:
        path = modules / file.source
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x()")
    for name in WANTED["dependencies"]:
        (modules / name / "package.json").write_text('{"version": "1.2.3"}')
        (modules / name / "LICENSE").write_text(f"licence of {name}")
    vendor.mkdir()
    (vendor / "old.js").write_text("")
    copy(modules, vendor)
    assert {path.name for path in vendor.iterdir()} == {f.name for f in COPIED} | {
        "htm-preact.js",
        "LICENSES.txt",
    }
    licences = (vendor / "LICENSES.txt").read_text()
    assert all(
        f"{name} 1.2.3" in licences and f"licence of {name}" in licences for name in WANTED["dependencies"]
    )


@pytest.mark.parametrize(("version", "taken"), [("11.19.1", True), ("6.14.18", False), ("", False)])
def test_an_npm_that_can_not_read_the_lock_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, taken: bool
) -> None:
    npm = tmp_path / "npm"
    npm.write_text(f"#!/bin/sh\necho {version}\n")
    npm.chmod(0o755)
    monkeypatch.setattr(web_libraries, "NPM_FOLDER", tmp_path / "absent")
    monkeypatch.setattr(sys, "executable", "/bin/true")
    assert npm_command(str(npm)) == ([str(npm)] if taken else None)


def test_without_npm_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(web_libraries, "npm_command", lambda _: None)
    assert main() == web_libraries.MISSING
    assert "only /console does not" in capsys.readouterr().err


def test_make_serves_on_without_the_libraries(tmp_path: Path) -> None:
    """`make` goes on where the tool exits with 3, tries again the next time, and stops at anything else."""
    recipe = next(
        line.strip().removeprefix("@")
        for line in (ROOT / "Makefile").read_text("utf-8").splitlines()
        if "tools.web_libraries &&" in line
    )
    for status, passes, stamped in ((0, True, True), (3, True, False), (1, False, False)):
        stamp = tmp_path / str(status)
        command = recipe.replace("$(BIN)/python -m tools.web_libraries", f"(exit {status})")
        command = command.replace("$@", str(stamp)).replace("$$", "$")
        done = subprocess.run(["sh", "-c", command], check=False)
        assert ((done.returncode == 0), stamp.exists()) == (passes, stamped)
