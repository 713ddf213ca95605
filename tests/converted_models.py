"""Where converted models are kept, so that not every server that a test starts converts them again."""

import os
import tempfile
from pathlib import Path


def converted_models() -> Path:
    """Return a folder that stays between runs; whoever loads what is in it verifies it first."""
    folder = Path(tempfile.gettempdir()) / f"sayso-tests-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
