"""The console's scripts in one piece each."""

import shutil
import sys
from pathlib import Path

import pytest

from sayso.api.console.assets import BUILT_FROM, read_files, sources_digest
from sayso.api.console.pages import PAGES
from tools import bundle_pages
from tools.bundle_pages import ASSETS, bundle, main
from tools.web_libraries import VENDOR, WEB


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    if not (VENDOR / "htm-preact.js").exists() or not list(WEB.glob("node_modules/@esbuild/*/bin/esbuild")):
        pytest.skip("the console's libraries are not there (make setup)")
    ignored = shutil.ignore_patterns("built")
    return Path(shutil.copytree(ASSETS, tmp_path / "assets", ignore=ignored))


def test_each_page_gets_one_file_that_imports_only_what_comes_later(assets: Path) -> None:
    assert bundle(WEB / "node_modules", assets)
    for page in PAGES.values():
        text = (assets / "built" / Path(page.script).name).read_text("utf-8")
        assert "import{" not in text
        assert "./vendor/preact" not in text
    usage = (assets / "built" / "usage.js").read_text("utf-8")
    assert 'import("../vendor/uplot.js")' in usage
    assert (assets / BUILT_FROM).read_text() == sources_digest(dict(read_files(assets)))


def test_what_can_not_be_read_leaves_no_digest(assets: Path) -> None:
    (assets / "core" / "ui.js").write_text("export const = 1;")
    assert not bundle(WEB / "node_modules", assets)
    assert not (assets / BUILT_FROM).exists()


def test_without_esbuild_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bundle_pages, "WEB", tmp_path)
    monkeypatch.setattr(bundle_pages, "ASSETS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["bundle_pages"])
    assert main() == 1
    assert "many files" in capsys.readouterr().err
