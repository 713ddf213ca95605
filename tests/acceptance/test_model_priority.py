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
        tasks = list(Path(f"/proc/{hosts[name].pid}/task").iterdir())
        busiest = max((task for task in tasks if int(task.name) != hosts[name].pid), key=_ticks)
        assert os.sched_getscheduler(int(busiest.name)) == os.SCHED_OTHER


def _ticks(task: Path) -> int:
    fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])
