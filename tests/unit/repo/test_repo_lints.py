from pathlib import Path

import pytest

from tools import repo_lints

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("lint", repo_lints.LINTS, ids=lambda lint: lint.__name__)
def test_the_tree_is_clean(lint: repo_lints.Lint) -> None:
    assert list(lint(ROOT)) == []


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for folder in ("src/sayso", "requirements", "docs/decisions", "web/vendor"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "docs" / "index.md").write_text(
        "# Index\n[decisions](decisions/0001.md#why)\n[far](http://x.y/)\n"
    )
    (tmp_path / "docs" / "decisions" / "0001.md").write_text("[back](../index.md)\n")
    (tmp_path / "src" / "sayso" / "fine.py").write_text("x = 1\n" * 500)
    (tmp_path / "requirements" / "runtime.txt").write_text("httpx==1.0 \\\n    --hash=sha256:00\n")
    return tmp_path


@pytest.mark.parametrize("lint", repo_lints.LINTS, ids=lambda lint: lint.__name__)
def test_a_clean_tree_passes(tree: Path, lint: repo_lints.Lint) -> None:
    assert list(lint(tree)) == []


@pytest.mark.parametrize(
    ("lint", "path", "text"),
    [
        (repo_lints.long_files, "src/sayso/long.py", "x = 1\n" * 501),
        (repo_lints.lock_addresses, "requirements/dev.txt", "--index-" + "url x\n"),
        (repo_lints.lock_addresses, "requirements/dev.txt", "a @ https" + "://x/a.whl\n"),
        (repo_lints.lock_addresses, "web/package-lock.json", '"resolved": "https' + '://x/a.tgz"\n'),
        (repo_lints.index_hosts_and_machine_paths, "a.md", "registry.npm" + "js.org\n"),
        (repo_lints.fetched_code, "web/vendor/preact.js", "x()\n"),
        (repo_lints.index_hosts_and_machine_paths, "a.md", "see files.py" + "thonhosted.org\n"),
        (repo_lints.index_hosts_and_machine_paths, "a.md", "py" + "pi.org/simple\n"),
        (repo_lints.index_hosts_and_machine_paths, "a.toml", "path = '/ho" + "me/someone/x'\n"),
        (repo_lints.index_hosts_and_machine_paths, "a.py", "P = '/ro" + "ot/x'\n"),
        (repo_lints.environment_readers, "src/sayso/x.py", "import os\nX = os.environ['X']\n"),
        (repo_lints.documentation_links, "docs/lonely.md", "# nobody links here\n"),
        (repo_lints.documentation_links, "docs/index.md", "[gone](gone.md)\n[d](decisions/0001.md)\n"),
    ],
)
def test_a_breach_is_seen_and_named(tree: Path, lint: repo_lints.Lint, path: str, text: str) -> None:
    (tree / path).write_text(text)
    (breach,) = lint(tree)
    assert path in breach


def test_addresses_that_machines_share_are_no_breach(tree: Path) -> None:
    (tree / "a.md").write_text("~/work/x, https://h/root/x, /tmp/x, {data}/root/x, /v1/models, src/work/x\n")
    assert list(repo_lints.index_hosts_and_machine_paths(tree)) == []
