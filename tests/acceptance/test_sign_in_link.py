"""The link to the console that a starting server shows to whoever looks at a terminal, and to no file."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.acceptance.conftest import FAKE


@contextmanager
def _started(folder: Path, *, terminal: bool) -> Iterator[str]:
    """Run a server; gives what it printed until it was ready."""
    (folder / "sayso.toml").write_text(FAKE)
    ours, theirs = pty.openpty() if terminal else os.pipe()
    server = subprocess.Popen(
        [sys.executable, "-m", "sayso", "serve", "--port", "0", "--data-dir", str(folder)],
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "200"},
    )
    os.close(theirs)
    try:
        shown = b""
        while b"sayso console" not in shown:
            more = os.read(ours, 4_096)
            assert more, shown
            shown += more
        yield shown.decode()
    finally:
        server.terminate()
        server.wait(30)
        os.close(ours)


def test_a_terminal_is_shown_a_link_that_signs_in(tmp_path: Path) -> None:
    with _started(tmp_path, terminal=True) as shown:
        found = re.search(r"(http://\S+)/console/sign-in#link=(\S+)", shown)
        assert found, shown
        answer = httpx.post(f"{found[1]}/console/sign-in", data={"link": found[2]})
        assert answer.status_code == 303


def test_a_file_is_shown_none(tmp_path: Path) -> None:
    with _started(tmp_path, terminal=False) as shown:
        assert "ready at" in shown
        assert "link=" not in shown
