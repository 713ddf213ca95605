"""Nothing that is said gets into the log at its most talkative, the metrics or a process's arguments."""

import contextlib
import secrets
from pathlib import Path

import httpx
import psutil

from sayso.retention.residue.needles import text_needles
from sayso.retention.residue.scan import scan
from tests.acceptance.running_server import start_server
from tests.acceptance.zero_traffic import Models, Traffic

SPOKEN = f"what was heard is {secrets.token_hex(8)} and {secrets.token_hex(8)}"
SETTINGS = f"""
load_models = ["echo", "broken", "ear"]
log_level = "debug"
[models.echo]
kind = "chat"
engine = "fake"
script = '{{"token_seconds": 0.005}}'
[models.broken]
kind = "chat"
engine = "fake"
script = '{{"fail_after": 1}}'
[models.ear]
kind = "speech"
engine = "fake"
script = '{{"token_seconds": 0.01, "reply": "{SPOKEN}"}}'
"""


def test_nothing_said_is_in_the_log_the_metrics_or_the_arguments(tmp_path: Path) -> None:
    """Answered, refused, left, failed, and with every process of the server crashing."""
    settings, data, said = tmp_path / "sayso.toml", tmp_path / "data", tmp_path / "told"
    settings.write_text(SETTINGS)
    for folder in (data, said):
        folder.mkdir()
    server = start_server(data, "--config", str(settings))
    with contextlib.closing(
        Traffic(server, server.key, Models("echo", "ear", SPOKEN), keeps=True)
    ) as traffic:
        try:
            traffic.all_but_crashes()
            traffic.hidden_places()
            traffic.failures("broken")
            traffic.strangers()
            (said / "metrics").write_text(httpx.get(f"{server.root_url}/metrics").text)
            gateway = psutil.Process(server.process.pid)
            everyone = [gateway, *gateway.children(recursive=True)]
            (said / "arguments").write_text("\n".join(str(process.cmdline()) for process in everyone))
            traffic.killed_below()
            traffic.killed()
        finally:
            server.stop()
    log = Path(server.log_file.name).read_bytes()
    (said / "log").write_bytes(log)
    needles = [needle for found in traffic.said.values() for needle in found]
    needles += text_needles("a key", server.key)
    told = {file.name: file.stat().st_size for file in said.iterdir()}
    hits = scan([said], needles)
    print(f"{len(hits)} hits of {len(needles)} patterns, {len(traffic.said)} things said, in {told}")
    assert hits == []
    assert log.count(b"/v1/chat/completions") >= 10, "it was talkative"
