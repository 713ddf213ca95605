"""A crash leaves no memory on the disk."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

CRASH = "import os, resource, signal\n{}\nos.kill(os.getpid(), signal.SIGSEGV)"
FORBIDDEN = "from sayso.core.core_dumps import write_no_core_dump; write_no_core_dump()"
ALLOWED = "resource.setrlimit(resource.RLIMIT_CORE, resource.getrlimit(resource.RLIMIT_CORE)[1:] * 2)"


def crash(before: str, folder: Path) -> bool:
    """Crash a process in an empty folder; return whether it left its memory somewhere."""
    folder.mkdir()
    here = Path.cwd()
    os.chdir(folder)
    try:
        pid = os.posix_spawn(sys.executable, [sys.executable, "-c", CRASH.format(before)], os.environ)
    finally:
        os.chdir(here)
    status = os.waitpid(pid, 0)[1]
    assert os.WTERMSIG(status) == signal.SIGSEGV
    return os.WCOREDUMP(status) or any(folder.iterdir())


def test_no_dump_is_written(tmp_path: Path) -> None:
    assert not crash(FORBIDDEN, tmp_path / "forbidden")


def test_a_dump_would_be_written_otherwise(tmp_path: Path) -> None:
    pattern = Path("/proc/sys/kernel/core_pattern")
    readable = pattern.exists() and not pattern.read_text().startswith(("|", "/"))
    if readable and resource.getrlimit(resource.RLIMIT_CORE)[1] == resource.RLIM_INFINITY:
        assert crash(ALLOWED, tmp_path / "allowed")


def test_what_a_process_starts_is_bound_as_well() -> None:
    shown = f"{FORBIDDEN}; import os; os.execvp('sh', ['sh', '-c', 'ulimit -Hc; ulimit -Sc'])"
    answer = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    assert set(answer.stdout.split()) == {"0"}  # blocks of 512 or 1024 bytes, rounded down
