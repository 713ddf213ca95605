"""The terminal: what a command prints, and how it fails."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import NoReturn

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from sayso.errors import SaysoError

# Into a pipe or a file, lines are as long as they need to be.
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 240)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def fail(message: str) -> NoReturn:
    """Print `message` on standard error and exit with status 1."""
    err.print(f"[red]error:[/red] {plain(message)}")
    sys.exit(1)


def id_table(first: str, *others: str) -> Table:
    """Return an empty table whose first column, the one to copy from, is never shortened."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, overflow="fold")
    return table


@contextmanager
def refusals() -> Generator[None, None, None]:
    """Turn sayso's own errors into one line and exit status 1."""
    try:
        yield
    except SaysoError as error:
        fail(error.message)


class FileProgress:
    """Bars for work on files, shown only once something takes time; call it with name, done, total bytes."""

    def __init__(self) -> None:
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, name: str, done: int, total: int) -> None:
        """Move the bar of `name`, made on first use."""
        if self._bars is None:
            self._bars = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn(binary_units=True),
                TimeElapsedColumn(),
                console=err,
            )
            self._bars.start()
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total)
        self._bars.update(self._tasks[name], completed=done, total=total)

    def close(self) -> None:
        """Leave the bars as they are and stop."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None


def plain(text: str) -> str:
    """Keep square brackets from being taken for markup."""
    return text.replace("[", r"\[")
