import os
import sys
import threading

import pytest

from sayso.core.priority import run_as_usual, wait_for_the_model

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux's scheduler")


def test_a_thread_gives_way_until_it_computes() -> None:
    policies: list[int] = []

    def inherits() -> None:
        policies.append(os.sched_getscheduler(0))
        run_as_usual()
        policies.append(os.sched_getscheduler(0))

    def event_loop() -> None:
        wait_for_the_model()
        policies.append(os.sched_getscheduler(0))
        child = threading.Thread(target=inherits)
        child.start()
        child.join()

    thread = threading.Thread(target=event_loop)
    thread.start()
    thread.join()
    assert policies == [os.SCHED_BATCH, os.SCHED_BATCH, os.SCHED_OTHER]


def test_a_sandbox_that_forbids_it_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*arguments: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", forbidden)
    wait_for_the_model()
