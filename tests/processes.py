"""What tests ask of processes that they did not start themselves."""

import psutil


def ended(process: psutil.Process) -> bool:
    """Whether it runs no more; whoever inherits an orphan may take a while to bury it."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
