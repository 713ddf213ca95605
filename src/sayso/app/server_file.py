"""A note in the data folder that says where the running server is, for the commands that talk to it."""

import json
import os
from pathlib import Path

NAME = "server.json"


class ServerFile:
    """`<data_dir>/server.json`: the base URL and the process id; there only while a server runs."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / NAME

    def write(self, base_url: str) -> None:
        """Say where this process serves."""
        self._path.write_text(json.dumps({"base_url": base_url, "pid": os.getpid()}), "utf-8")

    def remove(self) -> None:
        """Take the note away, unless another server has written its own since."""
        if self._read().get("pid") == os.getpid():
            self._path.unlink(missing_ok=True)

    def base_url(self) -> str | None:
        """Return where the server is; None where none runs."""
        note = self._read()
        pid, url = note.get("pid"), note.get("base_url")
        if not isinstance(pid, int) or not isinstance(url, str):
            return None
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        except PermissionError:
            pass  # it runs, as somebody else
        return url

    def _read(self) -> dict[str, object]:
        try:
            note = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}
