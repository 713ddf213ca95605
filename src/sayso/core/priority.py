"""How an event loop behaves beside the threads that run a model on the same processors."""

import contextlib
import os
from typing import Final

YIELDING: Final = 10  # steps of niceness: a tenth of the weight


def wait_for_the_model() -> None:
    """Let the calling thread take its turn when it wakes, instead of interrupting what computes; Linux alone.

    A model's threads meet at a barrier after every operation. Each token wakes several event loops for a
    fraction of a millisecond; where each of those wakings interrupts one thread, all of them stand still.
    What this thread starts from now on inherits that. Nothing happens where the kernel refuses.
    """
    if hasattr(os, "SCHED_BATCH"):
        _set_policy(os.SCHED_BATCH)


def run_as_usual() -> None:
    """Undo `wait_for_the_model`, which the calling thread may have inherited, for one that computes."""
    if hasattr(os, "SCHED_OTHER"):
        _set_policy(os.SCHED_OTHER)


def let_others_go_first() -> None:
    """Have the calling thread, and what it starts from now on, compute when nobody else wants to.

    The gateway carries the answers of dedicated instances too. On the cores of a shared pool that is
    overloaded it would otherwise wait for its turn, a few thousandths of a second for each token.
    """
    with contextlib.suppress(OSError):
        os.nice(YIELDING)


def _set_policy(policy: int) -> None:
    with contextlib.suppress(OSError):  # a sandbox may forbid the call
        os.sched_setscheduler(0, policy, os.sched_param(0))
