"""Spools a file onto the disk, as uploads are elsewhere, in a file without a name; then becomes a command.

`python leaking_first.py FILE COMMAND…`: whoever searches what the command writes has to find FILE there.
"""

import os
import sys
import tempfile
from pathlib import Path

STARLETTE = 1_048_576  # bytes that its forms keep in memory

if __name__ == "__main__":
    with tempfile.SpooledTemporaryFile(max_size=STARLETTE) as spool:
        spool.write(Path(sys.argv[1]).read_bytes())
    os.execvp(sys.argv[2], sys.argv[2:])
