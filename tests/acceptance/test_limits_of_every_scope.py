"""A second organization, and the limits and budgets of each scope, from the command line to the answer."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.acceptance.commands import sayso
from tests.acceptance.running_server import RunningServer, start_server
from tests.acceptance.test_usage_and_limits import silence, until_a_minute_has

SETTINGS = """
load_models = ["text", "hear"]
[aliases]
"one-name" = "text"
"other-name" = "text"
[models.text]
kind = "chat"
engine = "fake"
context_length = 4096
[models.hear]
kind = "speech"
engine = "fake"
"""
REMOVED = 2_147_483_647


@pytest.fixture(scope="module")
def scopes_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("scopes-server")
    (folder / "sayso.toml").write_text(SETTINGS)
    running = start_server(folder)
    try:
        yield running
    finally:
        running.stop()


@dataclass
class Team:
    """An organization with an administrator, a project and a key."""

    id: str
    slug: str
    admin: httpx.Client
    project: str
    key_id: str
    client: httpx.Client

    def chat(self, model: str = "text", max_tokens: int = 8, n: int = 1) -> httpx.Response:
        messages = [{"role": "user", "content": "hi"}]
        body = {"model": model, "messages": messages, "max_tokens": max_tokens, "n": n}
        return self.client.post("/chat/completions", json=body)

    def hear(self, seconds: float) -> httpx.Response:
        return self.client.post(
            "/audio/transcriptions", data={"model": "hear"}, files={"file": ("a.wav", silence(seconds))}
        )

    @property
    def paths(self) -> dict[str, str]:
        project = f"/organization/projects/{self.project}"
        return {
            "organization": "/organization",
            "project": project,
            "key": f"{project}/api_keys/{self.key_id}",
        }


@pytest.fixture
def team(scopes_server: RunningServer, request: pytest.FixtureRequest) -> Iterator[Team]:
    made = sayso(scopes_server.folder, "orgs", "create", "--name", request.node.name)
    with client_of(scopes_server, made["admin_key"]["key"]) as admin:
        (project,) = admin.get("/organization/projects").json()["data"]
        path = f"/organization/projects/{project['id']}/service_accounts"
        key = admin.post(path, json={"name": "robot"}).json()["api_key"]
        with client_of(scopes_server, key["value"]) as client:
            yield Team(made["id"], made["slug"], admin, project["id"], key["id"], client)


def client_of(server: RunningServer, key: str) -> httpx.Client:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.Client(base_url=server.base_url, headers=headers, timeout=30)


def assert_limited(answer: httpx.Response, meter: str, scope: str) -> None:
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["type"]) == (429, "rate_limit_exceeded", meter)
    assert f"in {scope} " in error["message"]
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def assert_out_of_budget(answer: httpx.Response) -> None:
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["type"]) == (429, *["insufficient_quota"] * 2)
    assert answer.headers["x-should-retry"] == "false"
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize("kind", ["organization", "project", "key"])
def test_each_scope_has_limits_of_every_meter(team: Team, kind: str) -> None:
    whose = {"organization": team.id, "project": team.project, "key": team.key_id}[kind]
    path = f"{team.paths[kind]}/rate_limits/rl-*"
    until_a_minute_has(15)
    steps: list[tuple[str, str, int, Callable[[], httpx.Response], Callable[[], httpx.Response]]] = [
        ("requests", "max_requests_per_1_minute", 1, team.chat, team.chat),
        ("tokens", "max_tokens_per_1_minute", 1_000, team.chat, lambda: team.chat(max_tokens=990)),
        ("audio_seconds", "max_audio_seconds_per_1_minute", 3, lambda: team.hear(2), lambda: team.hear(2)),
    ]
    for meter, field, limit, fits, refused in steps:
        assert team.admin.post(path, json={field: limit}).json()[field] == limit
        assert fits().status_code == 200
        assert_limited(refused(), meter, f"{kind} {whose}")
        team.admin.post(path, json={field: REMOVED})
        assert refused().status_code == 200
    listed = {one["id"]: one for one in team.admin.get(f"{team.paths[kind]}/rate_limits").json()["data"]}
    assert ("rl-text" in listed) == (kind == "project")
    assert listed["rl-*"]["max_requests_per_1_minute"] == REMOVED


@pytest.mark.parametrize("kind", ["organization", "project", "key"])
@pytest.mark.parametrize("interval", ["day", "month"])
def test_each_scope_has_budgets(team: Team, kind: str, interval: str) -> None:
    path = f"{team.paths[kind]}/budgets"
    body = {"threshold_amount": 1, "currency": "USD", "interval": interval}
    made = team.admin.post(path, json=body).json()
    assert (made["interval"], made["spent"]["value"], made["enforcement"]["status"]) == (
        interval,
        0,
        "inactive",
    )
    assert team.chat(max_tokens=4_000).status_code == 200  # may cost 0.8 cents
    assert_out_of_budget(team.chat(max_tokens=4_000, n=2))
    team.admin.post(path, json={**body, "threshold_amount": 100})
    assert team.chat().status_code == 200
    (listed,) = team.admin.get(path).json()["data"]
    assert listed["spent"]["value"] > 0
    assert listed["held"]["value"] == 0
    assert team.admin.delete(f"{path}/{interval}").json()["deleted"]
    for gone in (interval, "week"):
        assert team.admin.delete(f"{path}/{gone}").status_code == 404
    events = team.admin.get("/organization/audit_logs?limit=100").json()["data"]
    name = "tenant.billing.overage_limit.updated"
    assert [event[name]["threshold_amount"] for event in events if event["type"] == name] == [None, 100, 1]


@pytest.mark.parametrize(
    ("limited", "asked"), [("one-name", "text"), ("text", "one-name"), ("one-name", "other-name")]
)
def test_another_name_of_a_model_evades_no_limit(team: Team, limited: str, asked: str) -> None:
    until_a_minute_has(10)
    path = f"{team.paths['project']}/rate_limits"
    answer = team.admin.post(f"{path}/rl-{limited}", json={"max_requests_per_1_minute": 2})
    assert (answer.json()["id"], answer.json()["max_requests_per_1_minute"]) == (f"rl-{limited}", 2)
    listed = {one["model"]: one["max_requests_per_1_minute"] for one in team.admin.get(path).json()["data"]}
    assert listed == {"*": REMOVED, "hear": REMOVED, "one-name": 2, "other-name": 2, "text": 2}
    assert [team.chat(model).status_code for model in (limited, asked)] == [200, 200]
    for model in (limited, asked, "text"):
        assert_limited(team.chat(model), "requests", f"project {team.project}")
    assert team.hear(1).status_code == 200


def test_the_command_line_sets_what_the_server_holds(scopes_server: RunningServer, team: Team) -> None:
    until_a_minute_has(20)
    shown = sayso(scopes_server.folder, "limits", "set", "--org", team.slug, "--key", team.key_id,
                  "--requests-per-minute", "2", "--daily-budget", "0.05")  # fmt: skip
    assert shown["scope"] == {"kind": "key", "id": team.key_id}
    assert shown["limits"][0]["requests_per_minute"] == 2
    assert shown["budgets"][0] == {"interval": "day", "usd": "0.05", "spent_usd": "0.00", "held_usd": "0.00"}
    assert [team.chat().status_code for _ in range(3)] == [200, 200, 429]
    of_key = ("--org", team.slug, "--key", team.key_id)
    sayso(scopes_server.folder, "limits", "remove", "requests-per-minute", "daily-budget", *of_key)
    assert team.chat().status_code == 200
    by_alias = ("--org", team.id, "--project", "default", "--model", "one-name", "--requests-per-day", "4")
    assert sayso(scopes_server.folder, "limits", "set", *by_alias)["limits"][0]["model"] == "text"
    assert [team.chat("other-name").status_code for _ in range(2)] == [200, 429]
    assert sayso(scopes_server.folder, "limits", "show", "--org", team.slug)["limits"] == []


def test_a_second_organization_is_on_its_own(scopes_server: RunningServer, team: Team) -> None:
    assert team.chat(max_tokens=500).status_code == 200
    answer = team.chat()
    assert answer.headers["openai-organization"] == team.slug
    month = time.strftime("%Y-%m", time.gmtime())
    own = team.admin.get(f"/organization/invoices/{month}").json()
    assert (own["buyer"]["id"], own["state"]) == (team.id, "draft")
    assert sum(line["nano_usd"] for line in own["lines"]) > 0
    key = sayso(scopes_server.folder, "keys", "create", "--admin", "--name", "operator")["key"]
    with client_of(scopes_server, key) as operator:
        assert operator.get(f"/organization/invoices/{month}").json()["lines"] == []
        for path in (team.paths["project"], team.paths["key"], f"{team.paths['key']}/budgets"):
            assert operator.get(path).status_code == 404
        (default,) = operator.get("/organization/projects").json()["data"]
        assert team.admin.get(f"/organization/projects/{default['id']}").status_code == 404
        events = operator.get("/organization/audit_logs").json()["data"]
        made = [event for event in events if event["type"] == "organization.created"]
        assert team.id in [event["organization.created"]["id"] for event in made]
    assert team.admin.post("/organization/credits", json={"amount": "1", "reference": "x"}).status_code == 403
    verified = sayso(scopes_server.folder, "ledger", "verify")
    assert verified["ok"], verified
