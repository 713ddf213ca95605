"""Rules for the tree that no other tool checks; `python -m tools.repo_lints` prints what breaks them."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).parent.parent
MAX_LINES = 500
LONG_FILES: dict[str, str] = {}  # path: why it can not be split
READS_ENVIRONMENT: dict[str, str] = {  # path: why, besides the one module that may
    "src/sayso/config.py": "the settings",
    "src/sayso/audio/decode_process.py": "hands a child the few variables that a process needs to start",
    "src/sayso/api/reference/samples.py": "not itself: samples of Python do",
    "src/sayso/engines/process.py": "hands a host all but the settings",
}

INDEX_HOST = re.compile(r"py(?:pi\.(?:org|python)|thonhosted)|npm(?:js\.(?:org|com)|mirror)")
MACHINE_PATH = re.compile(r"""(?<![\w.~/}-])/(?:root|home/[a-z]\w*|Users/[a-z]\w*|work|tmp/\w+)/""")
ADDRESS = re.compile(r"://|--(?:extra-)?index|--find-links")
NPM_ADDRESS = re.compile(r'"resolved"')
ENVIRONMENT = re.compile(r"\bos\.(?:environ|getenv)\b")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def tracked(root: Path) -> list[Path]:
    """Return every file under version control, or every file where there is none."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        paths = [root / name for name in listed.stdout.split("\0") if name]
    else:
        paths = list(root.rglob("*"))
    return sorted(path for path in paths if path.is_file())


def long_files(root: Path) -> Iterator[str]:
    """No source file is over the limit unless it is listed with a reason."""
    for path in sorted((root / "src").rglob("*.py")):
        name, lines = path.relative_to(root).as_posix(), len(path.read_text("utf-8").splitlines())
        if lines > MAX_LINES and name not in LONG_FILES:
            yield f"{name}: {lines} lines, over {MAX_LINES}"


def lock_addresses(root: Path) -> Iterator[str]:
    """A lock names packages and digests, never where they come from."""
    npm_locks = list((root / "web").glob("package-lock.json"))
    for path in [*sorted((root / "requirements").glob("*")), *npm_locks]:
        addresses = NPM_ADDRESS if path in npm_locks else ADDRESS
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if addresses.search(line):
                yield f"{path.relative_to(root).as_posix()}:{number}: an address in a lock"


def index_hosts_and_machine_paths(root: Path) -> Iterator[str]:
    """No tracked file names a package index or a path that only one machine has."""
    for path in tracked(root):
        try:
            lines = path.read_text("utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(lines, 1):
            for rule, what in ((INDEX_HOST, "a package index"), (MACHINE_PATH, "a path of one machine")):
                if rule.search(line):
                    yield f"{path.relative_to(root).as_posix()}:{number}: {what}"


def environment_readers(root: Path) -> Iterator[str]:
    """Only the listed modules read or write the environment."""
    for path in sorted((root / "src").rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if name not in READS_ENVIRONMENT and ENVIRONMENT.search(path.read_text("utf-8")):
            yield f"{name}: reads the environment"


def documentation_links(root: Path) -> Iterator[str]:
    """Every page of docs/ can be reached from docs/index.md, and no relative link leads nowhere."""
    docs = root / "docs"
    pages, reached = set(docs.rglob("*.md")), {docs / "index.md"}
    waiting = list(reached & pages)
    while waiting:
        page = waiting.pop()
        for link in LINK.findall(page.read_text("utf-8")):
            target = (page.parent / link).resolve()
            if "://" in link or link.startswith("mailto:"):
                continue
            if not target.exists():
                yield f"{page.relative_to(root).as_posix()}: the link {link} leads nowhere"
            elif target in pages - reached:
                reached.add(target)
                waiting.append(target)
    for page in sorted(pages - reached):
        yield f"{page.relative_to(root).as_posix()}: no way here from docs/index.md"


def fetched_code(root: Path) -> Iterator[str]:
    """Other people's libraries are fetched by their locks, never committed."""
    for path in tracked(root):
        name = path.relative_to(root).as_posix()
        if {"node_modules", "vendor"} & set(name.split("/")):
            yield f"{name}: fetched code is not committed"


Lint: TypeAlias = Callable[[Path], Iterator[str]]
LINTS: tuple[Lint, ...] = (
    long_files,
    lock_addresses,
    index_hosts_and_machine_paths,
    environment_readers,
    documentation_links,
    fetched_code,
)


def main() -> int:
    """Print every breach; return how the process should exit."""
    breaches = [breach for lint in LINTS for breach in lint(ROOT.resolve())]
    for breach in breaches:
        print(breach)
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
