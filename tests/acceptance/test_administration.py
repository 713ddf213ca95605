"""An administrator's day with the official SDK, over a real socket."""

import time
from collections.abc import Callable, Iterator

import pytest
from openai import AuthenticationError, NotFoundError, OpenAI, PermissionDeniedError

from tests.acceptance.commands import sayso
from tests.acceptance.running_server import RunningServer

HELLO: list[dict[str, str]] = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def admin_key(fake_server: RunningServer) -> str:
    """An admin key as the operator makes it, beside the running server."""
    made = sayso(fake_server.folder, "keys", "create", "--admin", "--name", "day")
    assert set(made) == {"id", "key"}
    assert made["key"].startswith("sk-sayso-admin-")
    return str(made["key"])


@pytest.fixture
def admin(fake_server: RunningServer, admin_key: str) -> Iterator[OpenAI]:
    """The SDK with an admin key."""
    with OpenAI(
        api_key="none", admin_api_key=admin_key, base_url=fake_server.base_url, max_retries=0
    ) as client:
        yield client


def with_key(server: RunningServer, key: str) -> OpenAI:
    return OpenAI(api_key=key, base_url=server.base_url, max_retries=0)


def say(client: OpenAI, model: str = "fast") -> str:
    answer = client.chat.completions.create(model=model, messages=HELLO)  # type: ignore[arg-type]
    return answer.choices[0].message.content or ""


def seconds_until_refused(call: Callable[[], object]) -> float:
    """Call until a 401 comes; return how long that took."""
    begun = time.monotonic()
    while time.monotonic() - begun < 5:
        try:
            call()
        except AuthenticationError as refused:
            if refused.code != "invalid_api_key":
                raise
            return time.monotonic() - begun
    raise AssertionError("the key still works")


def test_a_service_accounts_key_lives_as_long_as_it(fake_server: RunningServer, admin: OpenAI) -> None:
    projects = admin.admin.organization.projects
    project = projects.create(name="Robots")
    assert project.status == "active"
    account = projects.service_accounts.create(project.id, name="robot")
    assert account.role == "member"
    assert account.api_key is not None
    with with_key(fake_server, account.api_key.value) as client:
        assert say(client)
        (listed,) = projects.api_keys.list(project.id).data
        assert listed.owner.service_account is not None
        assert listed.owner.service_account.id == account.id
        assert account.api_key.value not in listed.model_dump_json()
        assert projects.service_accounts.delete(account.id, project_id=project.id).deleted
        assert seconds_until_refused(lambda: say(client)) <= 1.0
    with pytest.raises(NotFoundError):
        projects.service_accounts.retrieve(account.id, project_id=project.id)
    events = [
        event.type
        for event in admin.admin.organization.audit_logs.list(project_ids=[project.id])
        if event.project is not None
    ]
    assert events == [
        "service_account.deleted",
        "api_key.created",
        "service_account.created",
        "project.created",
    ]


def test_an_archived_projects_key_stops(fake_server: RunningServer, admin: OpenAI) -> None:
    projects = admin.admin.organization.projects
    project = projects.create(name="Short")
    made = projects.service_accounts.create(project.id, name="robot").api_key
    assert made is not None
    with with_key(fake_server, made.value) as client:
        assert say(client)
        archived = projects.archive(project.id)
        assert archived.status == "archived"
        assert seconds_until_refused(lambda: say(client)) <= 1.0
    assert project.id not in [one.id for one in projects.list()]
    assert project.id in [one.id for one in projects.list(include_archived=True)]


def test_a_deleted_admin_key_stops(fake_server: RunningServer, admin: OpenAI) -> None:
    keys = admin.admin.organization.admin_api_keys
    made = keys.create(name="spare", expires_in_seconds=3600)
    assert made.expires_at == pytest.approx(made.created_at + 3600, abs=1)
    with OpenAI(
        api_key="none", admin_api_key=made.value, base_url=fake_server.base_url, max_retries=0
    ) as spare:
        assert made.id in [one.id for one in spare.admin.organization.admin_api_keys.list()]
        keys.delete(made.id)
        assert seconds_until_refused(lambda: spare.admin.organization.users.list()) <= 1.0


def test_a_project_has_the_models_that_it_is_permitted(fake_server: RunningServer, admin: OpenAI) -> None:
    projects = admin.admin.organization.projects
    project = projects.create(name="Limited")
    made = projects.service_accounts.create(project.id, name="robot").api_key
    assert made is not None
    projects.model_permissions.update(project.id, mode="deny_list", model_ids=["fast"])
    with with_key(fake_server, made.value) as client:
        assert "fast" not in [model.id for model in client.models.list()]
        with pytest.raises(PermissionDeniedError) as refused:
            say(client)
        assert refused.value.code == "model_not_found"
        with pytest.raises(PermissionDeniedError):
            client.models.retrieve("fast")
    projects.model_permissions.delete(project.id)
    unlimited = projects.service_accounts.create(project.id, name="another").api_key
    assert unlimited is not None
    with with_key(fake_server, unlimited.value) as client:
        assert say(client)


def test_pages_hold_every_project_once(admin: OpenAI) -> None:
    projects = admin.admin.organization.projects
    made = [projects.create(name=f"Page {number}").id for number in range(5)]
    listed = [one.id for one in projects.list(limit=2)]
    assert [one for one in listed if one in made] == made
    assert len(set(listed)) == len(listed)
