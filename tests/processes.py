"""What tests ask of processes that they did not start themselves."""

import os

import psutil


def ended(process: psutil.Process) -> bool:
    """Whether it runs no more; whoever inherits an orphan may take a while to bury it."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def without_settings() -> dict[str, str]:
    """The environment without what would configure sayso or a client."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("SAYSO_", "OPENAI_"))}
