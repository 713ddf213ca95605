"""Instances that can not start, with real hosts: they have failed, say why, hold nothing and cost nothing."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sayso.catalog.catalogue import EMBEDDED_CHAT
from tests.acceptance.commands import new_admin_key, sayso
from tests.acceptance.dedicated_servers import write_settings
from tests.acceptance.running_server import RunningServer, start_server

MODELS = """
load_models = ["scripted"]
[models.scripted]
kind = "chat"
engine = "fake"
context_length = 4096
[models.broken]
kind = "chat"
path = "broken"
context_length = 512
"""
WITHIN_SECONDS = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server whose pool is scripted; of its other models one has weights that are none."""
    folder = tmp_path_factory.mktemp("failing")
    write_settings(folder, MODELS)
    (folder / "broken").mkdir()
    for name in ("openvino_model.xml", "openvino_model.bin", "openvino_tokenizer.xml", "config.json"):
        (folder / "broken" / name).write_bytes(b"these are no weights" * 1_000)
    running = start_server(folder)
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def admin(server: RunningServer) -> Iterator[httpx.Client]:
    """A client of the administration API."""
    key = new_admin_key(server.folder, "operator")
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=f"{server.base_url}/organization", headers=headers, timeout=30) as client:
        yield client


def asked(client: httpx.Client, path: str, **params: Any) -> Any:
    answer = client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def made(client: httpx.Client, model: str, name: str, memory_mib: int) -> dict[str, Any]:
    project = asked(client, "/projects")["data"][0]["id"]
    body = {"project_id": project, "name": name, "model": model, "cores": 1, "memory_mib": memory_mib}
    answer = client.post("/instances", json=body | {"context_length": 256})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ended(client: httpx.Client, instance: str) -> dict[str, Any]:
    """Return the instance once it is no more on its way."""
    return left(client, instance, "reserved", "provisioning")


def left(client: httpx.Client, instance: str, *statuses: str) -> dict[str, Any]:
    """Return the instance once it has none of these statuses."""
    until = time.monotonic() + WITHIN_SECONDS
    while (found := asked(client, f"/instances/{instance}"))["status"] in statuses:
        assert time.monotonic() < until, found
        time.sleep(0.1)
    return dict(found)


def all_costs(client: httpx.Client, begun: int) -> list[Any]:
    """Return what all instances that have ended since `begun` cost, in money and in time."""
    answers = [asked(client, path, start_time=begun)["data"] for path in ("/costs", "/usage/instances")]
    return [one for buckets in answers for bucket in buckets for one in bucket["results"]]


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("model", "memory_mib", "says"),
    [
        pytest.param("broken", 2_048, "broken", id="weights that are none"),
        pytest.param(EMBEDDED_CHAT, 128, "128 MiB", id="too little memory"),
    ],
)
def test_what_can_not_start_has_failed_holds_nothing_and_costs_nothing(
    server: RunningServer, admin: httpx.Client, model: str, memory_mib: int, says: str
) -> None:
    begun = int(time.time()) // 86_400 * 86_400
    costs = all_costs(admin, begun)
    instance = made(admin, model, f"of-{memory_mib}", memory_mib)
    (machine,) = asked(admin, "/instance_capacity")["data"]
    assert instance["status"] == "reserved"
    found = ended(admin, instance["id"])
    assert found["status"] == "failed"
    assert says in found["failure"]
    assert str(server.folder) not in found["failure"]
    events = asked(admin, f"/instances/{instance['id']}/events")["data"]
    assert [one["type"] for one in events][2:] == ["provisioning_started", "failed"]
    assert events[-1]["details"]["reason"] == found["failure"]
    (machine,) = asked(admin, "/instance_capacity")["data"]
    assert machine["held"] == machine["shared_pool"], "its share is free"
    assert len(server.all_hosts()) == 1, "nothing of it runs"
    assert asked(admin, f"/instances/{instance['id']}/segments")["data"] == []
    assert all_costs(admin, begun) == costs
    again = admin.post(f"/instances/{instance['id']}/start").json()
    assert again["status"] == "reserved", "it may be tried again"
    assert ended(admin, instance["id"])["status"] == "failed"
    assert admin.delete(f"/instances/{instance['id']}").json()["status"] == "terminated"
    assert sayso(server.folder, "ledger", "verify")["ok"]


@pytest.mark.timeout(120)
def test_the_place_of_what_failed_is_the_next_ones(server: RunningServer, admin: httpx.Client) -> None:
    (machine,) = asked(admin, "/instance_capacity")["data"]
    whole = machine["free"]["memory_mib"]
    failed = made(admin, "broken", "first", whole)
    assert ended(admin, failed["id"])["status"] == "failed"
    next_one = made(admin, "scripted", "second", whole)
    assert ended(admin, next_one["id"])["status"] == "ready"
    refused = admin.post(f"/instances/{failed['id']}/start")
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "capacity_unavailable"
    assert refused.json()["error"]["param"] == "cores"
    for one in (failed, next_one):
        assert admin.delete(f"/instances/{one['id']}").status_code == 200
        assert left(admin, one["id"], "failed", "ready", "draining", "stopped")["status"] == "terminated"
