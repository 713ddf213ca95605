"""Files that are not what they were."""

import os
from pathlib import Path


def flip(path: Path) -> None:
    """Change one bit and leave no trace of it beside."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(before.st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
