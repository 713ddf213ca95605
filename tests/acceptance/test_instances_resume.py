"""An instance behind a whole server: made on the command line, used, and there again after a restart."""

from pathlib import Path

import httpx
import psutil
import pytest

from tests.acceptance.commands import sayso
from tests.acceptance.dedicated_servers import create, until_status, write_settings
from tests.acceptance.running_server import start_server
from tests.processes import ended

SCRIPTED = """
load_models = ["scripted"]
[models.scripted]
kind = "chat"
engine = "fake"
context_length = 4096
"""
BODY = {"model": "scripted", "messages": [{"role": "user", "content": "Hi"}]}


def served_by(base_url: str, key: str) -> str:
    """Return the instance that answers, empty for the shared pool."""
    headers = {"authorization": f"Bearer {key}"}
    answer = httpx.post(f"{base_url}/chat/completions", json=BODY, headers=headers)
    assert answer.status_code == 200
    return str(answer.headers.get("x-sayso-instance", ""))


@pytest.mark.long
def test_an_instance_outlives_its_server(tmp_path: Path) -> None:
    write_settings(tmp_path, SCRIPTED)
    first = start_server(tmp_path)
    try:
        assert served_by(first.base_url, first.key) == ""
        made = create(first, "own", "--memory-mib", "512", model="scripted")
        assert served_by(first.base_url, first.key) == made["id"]
        hosts = first.all_hosts()
        assert len(hosts) == 2
        cores = [set(host.cpu_affinity()) for host in hosts]
        assert not cores[0] & cores[1]
        gateway = psutil.Process(first.process.pid)
        assert set(gateway.cpu_affinity()) in cores
    finally:
        assert first.stop() == 0
    assert all(ended(host) for host in hosts)
    second = start_server(tmp_path)
    try:
        until_status(second, made["id"], "ready")
        assert served_by(second.base_url, first.key) == made["id"]
        sayso(tmp_path, "instances", "delete", "own", "--drain-seconds", "0")
        until_status(second, made["id"], "terminated")
        assert served_by(second.base_url, first.key) == ""
    finally:
        assert second.stop() == 0
