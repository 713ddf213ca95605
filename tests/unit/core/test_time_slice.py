"""What the kernel says of the slices that threads ask for."""

import contextlib
import os
import re
import sys
import threading
from pathlib import Path

import pytest

from sayso.core.time_slice import SHORT_NANOSECONDS, interrupt_longer_turns, take_turns_as_usual


def slice_of(thread: int) -> int | None:
    """Return a thread's time slice in nanoseconds, None where the kernel does not tell."""
    told = Path(f"/proc/{os.getpid()}/task/{thread}/sched")
    found = re.search(r"se\.slice\s*:\s*(\d+)", told.read_text()) if told.exists() else None
    return int(found[1]) if found else None


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's scheduler")
def test_short_turns_are_inherited_until_a_thread_computes() -> None:
    found: list[int | None] = []

    def computes() -> None:
        found.append(slice_of(threading.get_native_id()))
        take_turns_as_usual()
        found.append(slice_of(threading.get_native_id()))

    def event_loop() -> None:
        found.append(slice_of(threading.get_native_id()))
        assert interrupt_longer_turns()
        child = threading.Thread(target=computes)
        child.start()
        child.join()

    before = priorities()
    try:
        thread = threading.Thread(target=event_loop)
        thread.start()
        thread.join()
        usual, inherited, undone = found
        if usual is None:
            pytest.skip("this kernel does not tell of time slices")
        assert (inherited, undone) == (SHORT_NANOSECONDS, usual)
        after = priorities()
        still_there = before.keys() & after.keys()
        assert os.getpid() in still_there
        assert {one: before[one] for one in still_there} == {one: after[one] for one in still_there}
    finally:
        take_turns_as_usual()


def priorities() -> dict[int, int]:
    """Return the priority of each of this process's threads that is still there when it is asked for."""
    found: dict[int, int] = {}
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            found[int(task.name)] = os.getpriority(os.PRIO_PROCESS, int(task.name))
    return found
