"""Event loops give way to the threads that compute."""

import os
import sys
from pathlib import Path

import pytest

from tests.acceptance.running_server import RunningServer


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's scheduler")
def test_event_loops_do_not_interrupt_the_model(server: RunningServer) -> None:
    hosts = server.hosts()
    for pid in (server.process.pid, hosts["openvino"].pid, hosts["whisper"].pid):
        assert os.sched_getscheduler(pid) == os.SCHED_BATCH
    for name in ("openvino", "whisper"):
        threads = {int(task.name) for task in Path(f"/proc/{hosts[name].pid}/task").iterdir()}
        computing = threads - {hosts[name].pid}
        assert computing
        assert {os.sched_getscheduler(thread) for thread in computing} == {os.SCHED_OTHER}
