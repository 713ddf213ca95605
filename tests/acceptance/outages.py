"""Ways to take a database away from a running server and to give it back."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import AbstractContextManager
from typing import Literal

import psutil

from tests.postgresql_server import PostgresqlServer

Outage = Literal["stopped", "killed", "frozen", "locked"]

_LOCK = """
import sys
from sayso.db.sqlite import driver
held = driver().module.connect(sys.argv[1], isolation_level=None, timeout=30)
held.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


def outage(kind: Outage, database: PostgresqlServer | str) -> AbstractContextManager[None]:
    """Take `database`, a server or a SQLite file's path, away while the context lasts."""
    if isinstance(database, str):
        return _locked(database)
    return _frozen(database) if kind == "frozen" else _down(database, kind)


@contextlib.contextmanager
def _down(server: PostgresqlServer, kind: Outage) -> Generator[None]:
    server.stop(signal.SIGQUIT if kind == "stopped" else signal.SIGKILL)
    try:
        yield
    finally:
        server.start()


@contextlib.contextmanager
def _frozen(server: PostgresqlServer) -> Generator[None]:
    """Every process of the server stops where it is: connections stay open and nothing answers."""
    stopped = server.processes()
    for process in stopped:
        with contextlib.suppress(psutil.NoSuchProcess):  # one that has ended in between
            process.suspend()
    try:
        yield
    finally:
        for process in stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()


@contextlib.contextmanager
def _locked(path: str) -> Generator[None]:
    """Another process is in the middle of a write that takes long."""
    command = [sys.executable, "-c", _LOCK, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        yield
        holder.communicate()
