"""Real failures of SQLite's calls to the system: a preloaded library lets the Nth of them fail."""

import errno
import json
import mmap
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")
ERRORS = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC, "busy": errno.EAGAIN}
DATABASE = "sayso.db"  # with what its name begins
_LAYOUT = "4l"


def compiler() -> str | None:
    """Return a C compiler, None where there is none."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def sweep(folder: Path, *arguments: str, seconds: float) -> dict[str, int]:
    """Run `failing_disk_process` over a preloaded library; return at which call each error passed by."""
    chosen = compiler()
    assert chosen is not None
    library, plan = folder / "failing_disk.so", folder / "plan"
    subprocess.run([chosen, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    plan.write_bytes(bytes(struct.calcsize(_LAYOUT)))
    environment = {
        **os.environ,
        "LD_PRELOAD": str(library),
        "FAULT_PLAN": str(plan),
        "FAULT_FILE": str(folder / DATABASE),
    }
    command = [sys.executable, "-m", "tests.integration.billing.failing_disk_process", str(folder)]
    done = subprocess.run(
        [*command, *arguments], env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    reached: dict[str, int] = json.loads(done.stdout)
    return reached


@dataclass
class DiskPlan:
    """The plan in memory that this process shares with the library."""

    shared: mmap.mmap

    @classmethod
    def open(cls) -> "DiskPlan":
        with Path(os.environ["FAULT_PLAN"]).open("r+b") as file:
            return cls(mmap.mmap(file.fileno(), struct.calcsize(_LAYOUT)))

    def arm(self, at: int, name: str) -> None:
        """Let the call number `at` from now fail; 0 lets all succeed."""
        self.shared[:] = struct.pack(_LAYOUT, at, ERRORS.get(name, 0), 0, 0)

    @property
    def calls(self) -> int:
        """Calls since then."""
        return self._numbers()[2]

    @property
    def struck(self) -> bool:
        """Whether it came to the failure."""
        return bool(self._numbers()[3])

    def _numbers(self) -> Sequence[int]:
        return struct.unpack(_LAYOUT, self.shared[:])
