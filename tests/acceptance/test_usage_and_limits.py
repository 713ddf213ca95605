"""What two projects use, what it costs and what stops them, with the official SDK over a real socket."""

import io
import json
import time
import wave
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from openai import APIStatusError, BadRequestError, NotFoundError, OpenAI, RateLimitError

from tests.acceptance.commands import new_admin_key
from tests.acceptance.running_server import RunningServer, metric, start_server

TOKEN, SECOND = 2_000, 100_000  # nano-dollars
NANO = Decimal(10) ** 9
SETTINGS = """
load_models = ["text", "hear"]
[models.text]
kind = "chat"
engine = "fake"
context_length = 4096
[models.hear]
kind = "speech"
engine = "fake"
"""


@pytest.fixture(scope="module")
def money_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server whose books no other test writes in."""
    folder = tmp_path_factory.mktemp("money-server")
    (folder / "sayso.toml").write_text(SETTINGS)
    running = start_server(folder)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def admin_key(money_server: RunningServer) -> str:
    """An admin key as the operator makes it."""
    return new_admin_key(money_server.folder, "money")


@pytest.fixture(scope="module")
def admin(money_server: RunningServer, admin_key: str) -> Iterator[OpenAI]:
    """The SDK with an admin key."""
    with OpenAI(
        api_key="none", admin_api_key=admin_key, base_url=money_server.base_url, max_retries=0
    ) as client:
        yield client


@pytest.fixture(scope="module")
def raw(money_server: RunningServer, admin_key: str) -> Iterator[httpx.Client]:
    """For what the SDK does not know, and for bytes as they come."""
    headers = {"authorization": f"Bearer {admin_key}"}
    with httpx.Client(base_url=money_server.base_url, headers=headers) as client:
        yield client


@dataclass
class Project:
    """A project with a key, and what its answers said that it used."""

    id: str
    key_id: str
    client: OpenAI
    said: Counter[str] = field(default_factory=Counter)

    def chat(self, words: int, *, stream: bool = False) -> None:
        messages: Any = [{"role": "user", "content": " ".join(["word"] * words)}]
        create = self.client.chat.completions.create
        if stream:
            chunks = create(
                model="text", messages=messages, stream=True, stream_options={"include_usage": True}
            )
            usage = [chunk.usage for chunk in chunks][-1]
        else:
            usage = create(model="text", messages=messages).usage
        assert usage is not None
        self.said.update(
            requests=1, prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens
        )

    def hear(self, seconds: float) -> None:
        heard = self.client.audio.transcriptions.create(
            model="hear", file=("a.wav", silence(seconds)), response_format="json"
        )
        self.said.update(transcriptions=1, seconds=cast("Any", heard).usage.seconds)

    def nano_usd(self) -> int:
        tokens = self.said["prompt_tokens"] + self.said["completion_tokens"]
        return tokens * TOKEN + self.said["seconds"] * SECOND


def silence(seconds: float) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(bytes(2 * int(seconds * 8_000)))
    return buffer.getvalue()


def new_project(admin: OpenAI, server: RunningServer, name: str, retries: int = 0) -> Project:
    projects = admin.admin.organization.projects
    project = projects.create(name=name)
    made = projects.service_accounts.create(project.id, name="robot").api_key
    assert made is not None
    client = OpenAI(api_key=made.value, base_url=server.base_url, max_retries=retries)
    return Project(project.id, made.id, client)


@pytest.fixture(scope="module")
def spent(admin: OpenAI, money_server: RunningServer) -> Iterator[tuple[int, Project, Project]]:
    """Two projects that have used something since the moment that comes with them."""
    begun = int(time.time())
    first, second = (new_project(admin, money_server, name) for name in ("First", "Second"))
    work = [
        lambda n=n, p=p: p.chat(n, stream=n % 2 == 0)
        for p, k in ((first, 9), (second, 5))
        for n in range(1, k)
    ]
    work += [
        lambda s=s, p=p: p.hear(s) for p, s in ((first, 0.2), (first, 2.5), (second, 61.4), (second, 1.49))
    ]
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(one) for one in work]:
            done.result()
    yield begun, first, second
    first.client.close()
    second.client.close()


def results(page: Any) -> list[Any]:
    return [result for bucket in page.data for result in bucket.results]


@pytest.mark.parametrize("width", ["1m", "1h", "1d"])
def test_usage_is_what_the_answers_said(
    admin: OpenAI, spent: tuple[int, Project, Project], width: Any
) -> None:
    begun, *projects = spent
    usage = admin.admin.organization.usage
    ids = [project.id for project in projects]
    asked: Any = {
        "start_time": begun // 60 * 60,
        "bucket_width": width,
        "project_ids": ids,
        "group_by": ["project_id", "api_key_id", "model"],
    }
    found: dict[str, Counter[str]] = {project.id: Counter() for project in projects}
    for group in results(usage.completions(**asked)):
        assert (group.model, group.user_id, group.batch) == ("text", None, None)
        assert group.api_key_id == next(p.key_id for p in projects if p.id == group.project_id)
        found[group.project_id].update(
            requests=group.num_model_requests,
            prompt_tokens=group.input_tokens,
            completion_tokens=group.output_tokens,
        )
    for group in results(usage.audio_transcriptions(**asked)):
        assert group.model == "hear"
        found[group.project_id].update(transcriptions=group.num_model_requests, seconds=group.seconds)
    assert found == {project.id: project.said for project in projects}


def test_buckets_of_a_minute_go_on_over_pages(admin: OpenAI, spent: tuple[int, Project, Project]) -> None:
    begun, first, _ = spent
    usage, start, end = admin.admin.organization.usage, begun // 60 * 60 - 120, begun // 60 * 60 + 600
    asked: Any = {"start_time": start, "end_time": end, "bucket_width": "1m", "project_ids": [first.id]}
    page = usage.completions(**asked, limit=5)
    buckets = list(page.data)
    while page.has_more:
        assert page.next_page is not None
        page = usage.completions(**asked, limit=5, page=page.next_page)
        buckets += page.data
    assert [bucket.start_time for bucket in buckets] == list(range(start, end, 60))
    found = sum(group.input_tokens for bucket in buckets for group in cast("Any", bucket.results))
    assert found == first.said["prompt_tokens"]
    with pytest.raises(BadRequestError):
        usage.completions(**asked, page="page")


def test_filters_that_nothing_fits_leave_empty_buckets(
    admin: OpenAI, spent: tuple[int, Project, Project]
) -> None:
    usage, start = admin.admin.organization.usage, spent[0] // 86_400 * 86_400
    assert results(usage.completions(start_time=start)) != []
    for nothing in (
        usage.completions(start_time=start, batch=True),
        usage.completions(start_time=start, models=["hear"]),
        usage.completions(start_time=start, api_key_ids=["key_of_nobody"]),
        usage.audio_transcriptions(start_time=start, models=["text"]),
        usage.embeddings(start_time=start),
        usage.decisions(start_time=start),
    ):
        assert len(nothing.data) >= 1
        assert results(nothing) == []


def test_costs_are_tokens_times_the_price_to_the_nano_dollar(
    raw: httpx.Client, admin: OpenAI, spent: tuple[int, Project, Project]
) -> None:
    begun, *projects = spent
    for project in projects:
        query: Any = {"start_time": begun, "project_ids[]": project.id}
        page = json.loads(raw.get("/organization/costs", params=query).text, parse_float=Decimal)
        amounts = [result["amount"]["value"] for bucket in page["data"] for result in bucket["results"]]
        assert sum(amounts) * NANO == project.nano_usd()
    lines = results(
        admin.admin.organization.usage.costs(
            start_time=begun, project_ids=[projects[0].id], group_by=["line_item", "project_id"]
        )
    )
    said = projects[0].said
    assert {(line.line_item, line.quantity, line.quantity_unit) for line in lines} == {
        ("text, input_tokens", said["prompt_tokens"], "tokens"),
        ("text, output_tokens", said["completion_tokens"], "tokens"),
        ("hear, audio_seconds", said["seconds"], "duration_seconds"),
    }
    one = admin.admin.organization.usage.costs(start_time=begun, line_items=["text, input_tokens"])
    assert one.data[0].results


def requests_answered(server: RunningServer, status: int) -> float:
    page = httpx.get(f"{server.root_url}/metrics").text
    return metric(page, "sayso_http_requests_total", route="/v1/chat/completions", status=str(status))


def test_a_spend_limit_stops_and_the_client_does_not_insist(
    admin: OpenAI, money_server: RunningServer
) -> None:
    project = new_project(admin, money_server, "Thrifty", retries=2)
    limits = admin.admin.organization.projects.spend_limit
    with pytest.raises(NotFoundError):
        limits.retrieve(project.id)
    limit = limits.update(project.id, threshold_amount=2, currency="USD", interval="month")
    assert (limit.threshold_amount, limit.enforcement.status) == (2, "inactive")
    project.chat(1_500)  # 3,000 tokens; may take 8,191 of the 10,000 that two cents buy
    before = requests_answered(money_server, 429)
    with pytest.raises(RateLimitError) as refused:
        project.chat(1_500)
    assert refused.value.code == refused.value.type == "insufficient_quota"
    assert refused.value.response.headers["x-should-retry"] == "false"
    assert requests_answered(money_server, 429) == before + 1
    assert project.nano_usd() <= 20_000_000
    assert limits.delete(project.id).deleted
    project.chat(1_500)
    full = limits.update(project.id, threshold_amount=1, currency="USD", interval="month")
    assert full.enforcement.status == limits.retrieve(project.id).enforcement.status == "enforcing"
    project.client.close()


def test_a_rate_limit_answers_429_and_says_what_is_left(admin: OpenAI, money_server: RunningServer) -> None:
    project = new_project(admin, money_server, "Hasty")
    limits = admin.admin.organization.projects.rate_limits
    listed = {limit.model: limit for limit in limits.list_rate_limits(project.id)}
    assert set(listed) >= {"*", "text", "hear"}
    assert listed["text"].max_requests_per_1_minute == 2_147_483_647
    until_a_minute_has(20)
    changed = limits.update_rate_limit(
        "rl-text", project_id=project.id, max_requests_per_1_minute=3, max_tokens_per_1_minute=50_000
    )
    assert (changed.max_requests_per_1_minute, changed.max_tokens_per_1_minute) == (3, 50_000)
    create = project.client.chat.completions.with_raw_response.create
    for left in (2, 1, 0):
        headers = create(model="text", messages=[{"role": "user", "content": "hi"}], max_tokens=8).headers
        assert headers["x-ratelimit-limit-requests"] == "3"
        assert headers["x-ratelimit-remaining-requests"] == str(left)
        assert headers["x-ratelimit-limit-tokens"] == "50000"
        assert 48_000 < int(headers["x-ratelimit-remaining-tokens"]) < 50_000
        assert headers["x-ratelimit-reset-requests"].endswith("s")
    with pytest.raises(RateLimitError) as refused:
        project.chat(1)
    error = refused.value
    assert (error.code, error.type) == ("rate_limit_exceeded", "requests")
    assert 1 <= int(error.response.headers["retry-after"]) <= 60
    assert error.response.headers["x-ratelimit-remaining-requests"] == "0"
    project.hear(0.5)  # another model's limit is its own
    with pytest.raises(NotFoundError):
        limits.update_rate_limit("rl-nothing", project_id=project.id)
    with pytest.raises(BadRequestError):
        limits.update_rate_limit("rl-text", project_id=project.id, max_images_per_1_minute=1)
    limits.update_rate_limit("rl-text", project_id=project.id, max_requests_per_1_minute=2_147_483_647)
    project.chat(1)
    project.client.close()


def until_a_minute_has(seconds: float) -> None:
    """Wait for the next minute where less than `seconds` of this one is left: limits begin anew with it."""
    left = 60 - time.time() % 60
    if left < seconds:
        time.sleep(left + 0.05)


def test_audio_states_limits_of_requests_only(admin: OpenAI, money_server: RunningServer) -> None:
    project = new_project(admin, money_server, "Listening")
    limits = admin.admin.organization.projects.rate_limits
    limits.update_rate_limit(
        "rl-hear", project_id=project.id, max_requests_per_1_minute=100, max_tokens_per_1_minute=1_000
    )
    answer = project.client.audio.transcriptions.with_raw_response.create(
        model="hear", file=("a.wav", silence(1.0))
    )
    names = {name for name in answer.headers if name.startswith("x-ratelimit")}
    assert names == {f"x-ratelimit-{what}-requests" for what in ("limit", "remaining", "reset")}
    project.client.close()


def test_alerts_are_kept_listed_and_paged(admin: OpenAI, money_server: RunningServer) -> None:
    project = new_project(admin, money_server, "Alert")
    alerts = admin.admin.organization.projects.spend_alerts
    terms: Any = {
        "project_id": project.id,
        "currency": "USD",
        "interval": "month",
        "notification_channel": {"type": "email", "recipients": ["a@example.com"]},
    }
    made = [alerts.create(threshold_amount=n, **terms) for n in range(5)]
    assert [alert.id for alert in alerts.list(project.id, limit=2)] == [alert.id for alert in made]
    down = alerts.list(project.id, order="desc", after=made[3].id).data
    assert [alert.id for alert in down] == [alert.id for alert in reversed(made[:3])]
    changed = alerts.update(made[0].id, threshold_amount=70, **terms)
    assert alerts.retrieve(made[0].id, project_id=project.id) == changed
    assert changed.threshold_amount == 70
    with pytest.raises(NotFoundError):
        admin.admin.organization.spend_alerts.retrieve(made[0].id)  # not the organization's
    assert alerts.delete(made[0].id, project_id=project.id).deleted
    with pytest.raises(NotFoundError):
        alerts.retrieve(made[0].id, project_id=project.id)
    project.client.close()


def test_prices_are_published_once_and_never_for_the_past(
    raw: httpx.Client, admin: OpenAI, money_server: RunningServer
) -> None:
    known = raw.get("/organization/price_books").json()["data"]
    assert known[0]["version"] == "launch"
    rows = [{**row, "nano_usd": row["nano_usd"] * 3} for row in known[0]["prices"]]
    rows = [{name: value for name, value in row.items() if name != "usd"} for row in rows]
    path = "/organization/price_books"
    late = raw.post(path, json={"version": "v2", "prices": rows, "effective_from": int(time.time()) - 9})
    assert (late.status_code, late.json()["error"]["param"]) == (400, "effective_from")
    published = raw.post(path, json={"version": "v2", "prices": rows, "effective_from": 4_102_444_800})
    assert published.status_code == 200, published.text
    assert raw.post(path, json={"version": "v2", "prices": rows}).status_code == 400
    assert [book["version"] for book in raw.get(path).json()["data"]] == ["launch", "v2"]


def test_a_credit_is_taken_off_the_invoice(raw: httpx.Client, spent: tuple[int, Project, Project]) -> None:
    month = time.strftime("%Y-%m", time.gmtime())
    before = raw.get(f"/organization/invoices/{month}").json()
    assert before["state"] == "draft"
    for project in spent[1:]:
        lines = [line for line in before["lines"] if line["project"]["id"] == project.id]
        assert sum(line["nano_usd"] for line in lines) == project.nano_usd()
    granted = raw.post("/organization/credits", json={"amount": "0.01", "reference": "sorry"})
    assert granted.status_code == 200, granted.text
    assert b'"value":0.01,' in granted.content
    assert raw.get(f"/organization/invoices/{month}").json()["credit_cents"] == 1
    assert raw.post("/organization/credits", json={"amount": "-1", "reference": "x"}).status_code == 400
    assert raw.get("/organization/invoices/2026-13").status_code == 400


def test_a_projects_key_sees_none_of_it(money_server: RunningServer) -> None:
    with OpenAI(
        api_key="none", admin_api_key=money_server.key, base_url=money_server.base_url, max_retries=0
    ) as client:
        for ask in (
            lambda: client.admin.organization.usage.completions(start_time=0),
            lambda: client.admin.organization.usage.costs(start_time=0),
            client.admin.organization.spend_limit.retrieve,
        ):
            with pytest.raises(APIStatusError) as refused:
                ask()
            assert refused.value.status_code in (401, 403)


def test_the_servers_log_names_nobody(money_server: RunningServer) -> None:
    assert "a@example.com" not in Path(money_server.log_file.name).read_text()
