"""A PostgreSQL server of the tests' own, on a unix socket and a loopback port."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

USER = "sayso"
PASSWORD = "s3cret"
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_PLACES = ("/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt")
_START_SECONDS = 30.0


def binaries() -> Path | None:
    """Return the folder of the newest PostgreSQL's programs, None where there is none."""
    found = [program.parent for place in _PLACES for program in Path(place).glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda folder: int("".join(c for c in folder.parent.name if c.isdigit()) or 0))
    program = shutil.which("initdb")
    return Path(program).resolve().parent if program else None


class PostgresqlServer:
    """One cluster in a temporary folder; it can be stopped and started again on the same addresses."""

    def __init__(
        self, programs: Path, folder: Path, *, settings: tuple[str, ...] = FAST, tables: Path | None = None
    ) -> None:
        self.socket_folder = folder
        self.port = _free_port()
        self._programs = programs
        # Elsewhere than its log of writes, of which a full disk would leave it no server at all.
        self._data = (tables or folder) / "data"
        self._settings = settings
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._names = count()
        self._user = _unprivileged() if os.geteuid() == 0 else None
        if self._user is not None:
            for one in {folder, tables or folder}:
                shutil.chown(one, self._user)
        password = folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        self._run(
            "initdb", "--pgdata", str(self._data), "--waldir", str(folder / "wal"),
            "--username", USER, "--pwfile", str(password), "--no-sync",
            "--auth-local", "trust", "--auth-host", "scram-sha-256", "--encoding", "UTF8", "--no-locale",
        )  # fmt: skip

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        options = [f"-c{setting}" for setting in self._settings]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._programs / "postgres", "-D", self._data,
                    "-k", self.socket_folder, "-p", str(self.port),
                    "-cunix_socket_permissions=0777", "-cmax_connections=300", *options,
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=self._user, cwd=self.socket_folder,
            )  # fmt: skip
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self._connect().close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise RuntimeError(self._log.read_text(errors="replace")[-2000:]) from None
                time.sleep(0.02)
            else:
                return

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT ends the connections in order, SIGQUIT as a crash does, SIGKILL is one."""
        if self._process is not None and self._process.poll() is None:
            processes = self.processes()
            for process in processes if number == signal.SIGKILL else processes[:1]:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(number)
            self._process.wait(_START_SECONDS)
        self._process = None

    def processes(self) -> list[psutil.Process]:
        """Return the server's processes, the first one first."""
        assert self._process is not None
        first = psutil.Process(self._process.pid)
        return [first, *first.children(recursive=True)]

    def new_database(self) -> str:
        """Return the URL of a fresh, empty database, on the unix socket."""
        name = f"test_{next(self._names)}"
        with self._connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return f"postgresql://{USER}@/{name}?host={self.socket_folder}&port={self.port}"

    def over_tcp(self, url: str, password: str = PASSWORD) -> str:
        """Return the same database's URL over TCP, where it asks for a password."""
        name = url.partition("?")[0].rpartition("/")[2]
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{name}"

    def end_connections(self) -> None:
        """Cut every connection but its own, as an administrator may."""
        with self._connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.socket_folder), port=self.port, user=USER, dbname="postgres", autocommit=True
        )

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
            user=self._user, cwd=self.socket_folder,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stderr.decode(errors='replace')[-2000:]}")


@contextmanager
def running_postgresql(
    programs: Path, *, settings: tuple[str, ...] = FAST, tables: Path | None = None
) -> Iterator[PostgresqlServer]:
    """Start a server in a fresh folder, its tables in `tables` if given; end it and remove the folder."""
    # Not below pytest's folders: those are their owner's alone, and a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="sayso-pg-"))
    server: PostgresqlServer | None = None
    try:
        server = PostgresqlServer(programs, folder, settings=settings, tables=tables)
        server.start()
        yield server
    finally:
        if server is not None:
            server.stop(signal.SIGQUIT)
        shutil.rmtree(folder)


def _unprivileged() -> int:
    """Return a user that PostgreSQL runs as: it refuses to be root."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise RuntimeError("there is neither a user 'postgres' nor a user 'nobody'")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
