"""Every cell of the rules of roles."""

import pytest

from sayso.core.caller import ModelPermission, OrgRole
from sayso.tenancy.roles import (
    AccountRole,
    ProjectRole,
    account_access,
    is_read_only,
    may_administer,
    user_access,
)


def test_readers_read_and_owners_write() -> None:
    assert [may_administer(role, write=write) for role in ("owner", "reader") for write in (False, True)] == [
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("org_role", "project_role", "works"),
    [
        (None, None, False),
        (None, "owner", False),
        ("reader", None, False),
        ("reader", "member", True),
        ("reader", "owner", True),
        ("owner", None, True),
        ("owner", "member", True),
    ],
)
def test_a_users_key_works(org_role: OrgRole | None, project_role: ProjectRole | None, works: bool) -> None:
    assert user_access(org_role, project_role) == ("active" if works else "inactive")


@pytest.mark.parametrize("role", ["owner", "member", "none"])
def test_a_service_accounts_key_works_until_it_is_deleted(role: AccountRole) -> None:
    assert account_access(role, deleted=False) == ("inactive" if role == "none" else "active")
    assert account_access(role, deleted=True) == "inactive"


def test_scopes_restrict_only_where_there_are_some() -> None:
    assert not is_read_only(())
    assert is_read_only(("api.all.read",))
    assert not is_read_only(("api.all.read", "api.all"))


def test_a_model_is_permitted_under_any_of_its_names() -> None:
    names = ("smollm2", "gpt-3.5-turbo")
    assert ModelPermission("allow_list", frozenset({"gpt-3.5-turbo"})).permits(names)
    assert not ModelPermission("allow_list", frozenset()).permits(names)
    assert not ModelPermission("deny_list", frozenset({"smollm2"})).permits(names)
    assert ModelPermission("deny_list", frozenset({"another"})).permits(names)
