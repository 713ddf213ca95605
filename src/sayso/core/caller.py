"""Who is calling: with a project's key, or with an admin key."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sayso.ids import KeyId, OrgId, ProjectId, ServiceAccountId, UserId

OrgRole: TypeAlias = Literal["owner", "reader"]
PermissionMode: TypeAlias = Literal["allow_list", "deny_list"]


@dataclass(frozen=True, slots=True)
class ModelPermission:
    """Which models a project may use: those that are listed, or all but those."""

    mode: PermissionMode
    model_ids: frozenset[str]

    def permits(self, names: Iterable[str]) -> bool:
        """Return whether a model may be used that has all these names."""
        listed = not self.model_ids.isdisjoint(names)
        return listed if self.mode == "allow_list" else not listed


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated API key with the organization and project that it belongs to.

    Its owner is a user or a service account. `models` is None where the project may use every model;
    `read_only` is a key that may ask and not generate.
    """

    org_id: OrgId
    project_id: ProjectId
    key_id: KeyId
    user_id: UserId | None = None
    service_account_id: ServiceAccountId | None = None
    models: ModelPermission | None = None
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class AdminCaller:
    """Who administers an organization: an authenticated admin key with its user, or the operator.

    `key_id` is None for the operator, who works on the server's own command line.
    """

    org_id: OrgId
    user_id: UserId
    role: OrgRole = "owner"
    key_id: KeyId | None = None
