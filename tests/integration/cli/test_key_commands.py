"""Keys and invitations on the command line."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sayso.app.tenancy import open_tenancy
from sayso.cli.main import app
from sayso.config import Settings
from sayso.errors import AuthenticationFailed
from sayso.tenancy.authentication import Authenticator
from sayso.tenancy.invites import create_invite
from sayso.tenancy.service import default_project


def run(folder: Path, *arguments: str) -> Any:
    """Run a command that prints JSON, and return that."""
    result = CliRunner().invoke(app, [*arguments, "--data-dir", str(folder)])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout) if "--json" in arguments else None


async def role_of(folder: Path, key: str) -> str:
    tenancy = await open_tenancy(Settings(data_dir=folder))
    async with tenancy.database as database:
        return (await Authenticator(database, tenancy.pepper).authenticate_admin(key)).role


async def invite(folder: Path) -> str:
    tenancy = await open_tenancy(Settings(data_dir=folder))
    async with tenancy.database as database:
        operator = (await default_project(database)).operator
        return (await create_invite(database, operator, "ann@example.org", "reader")).id


def test_an_admin_key_is_made_listed_and_revoked(tmp_path: Path) -> None:
    made = run(tmp_path, "keys", "create", "--admin", "--name", "automation", "--json")
    assert set(made) == {"id", "key"}
    assert asyncio.run(role_of(tmp_path, made["key"])) == "owner"
    (listed,) = run(tmp_path, "keys", "list", "--admin", "--json")
    assert (listed["id"], listed["name"]) == (made["id"], "automation")
    assert made["key"] not in json.dumps(listed)
    assert run(tmp_path, "keys", "list", "--json") == []
    run(tmp_path, "keys", "revoke", made["id"], "--admin")
    assert run(tmp_path, "keys", "list", "--admin", "--json") == []
    (revoked,) = run(tmp_path, "keys", "list", "--admin", "--all", "--json")
    assert revoked["revoked_at"] is not None
    with pytest.raises(AuthenticationFailed):
        asyncio.run(role_of(tmp_path, made["key"]))


def test_each_kind_is_revoked_as_what_it_is(tmp_path: Path) -> None:
    made = run(tmp_path, "keys", "create", "--name", "k", "--json")
    result = CliRunner().invoke(app, ["keys", "revoke", made["id"], "--admin", "--data-dir", str(tmp_path)])
    assert result.exit_code == 1
    assert len(run(tmp_path, "keys", "list", "--json")) == 1
    run(tmp_path, "keys", "revoke", made["id"])
    assert run(tmp_path, "keys", "list", "--json") == []


def test_an_invitation_is_accepted_once(tmp_path: Path) -> None:
    invite_id = asyncio.run(invite(tmp_path))
    accept = ["invites", "accept", invite_id, "--name", "Ann", "--json"]
    assert run(tmp_path, *accept)["id"].startswith("user_")
    again = CliRunner().invoke(app, [*accept, "--data-dir", str(tmp_path)])
    assert again.exit_code == 1


def test_an_organization_gets_its_first_admin_key_and_keys_of_its_own(tmp_path: Path) -> None:
    made = run(tmp_path, "orgs", "create", "--name", "Acme [Ltd]", "--json")
    assert (made["slug"], made["name"], made["projects"]) == ("acme-ltd", "Acme [Ltd]", 1)
    assert asyncio.run(role_of(tmp_path, made["admin_key"]["key"])) == "owner"
    assert [one["slug"] for one in run(tmp_path, "orgs", "list", "--json")] == ["default", "acme-ltd"]
    (admin,) = run(tmp_path, "keys", "list", "--admin", "--org", "acme-ltd", "--json")
    assert admin["id"] == made["admin_key"]["id"]
    key = run(tmp_path, "keys", "create", "--name", "k", "--org", made["id"], "--json")
    assert [one["id"] for one in run(tmp_path, "keys", "list", "--org", "acme-ltd", "--json")] == [key["id"]]
    assert run(tmp_path, "keys", "list", "--json") == []
    stranger = CliRunner().invoke(app, ["keys", "revoke", key["id"], "--data-dir", str(tmp_path)])
    assert stranger.exit_code == 1
    shown = CliRunner().invoke(app, ["orgs", "list", "--data-dir", str(tmp_path)]).stdout
    assert "Acme [Ltd]" in shown
    assert made["admin_key"]["key"] not in shown
    printed = CliRunner().invoke(app, ["orgs", "create", "--name", "B", "--data-dir", str(tmp_path)]).stdout
    assert printed.startswith("sk-sayso-admin-")
    nobody = CliRunner().invoke(app, ["keys", "list", "--org", "nobody", "--data-dir", str(tmp_path)])
    assert nobody.exit_code == 1
