"""What roles allow: pure rules, and the only place where they stand."""

from typing import Literal, TypeAlias

from sayso.core.caller import OrgRole

ProjectRole: TypeAlias = Literal["owner", "member"]
AccountRole: TypeAlias = Literal["owner", "member", "none"]
Access: TypeAlias = Literal["active", "inactive"]
Scopes: TypeAlias = tuple[str, ...]

ORG_ROLES: tuple[OrgRole, ...] = ("owner", "reader")
PROJECT_ROLES: tuple[ProjectRole, ...] = ("owner", "member")
READ_ONLY = "api.all.read"
ALL = "api.all"
KNOWN_SCOPES = (ALL, READ_ONLY)


def may_administer(role: OrgRole, *, write: bool) -> bool:
    """Return whether an organization's member may read, or change, what the admin API shows."""
    return role == "owner" or not write


def user_access(org_role: OrgRole | None, project_role: ProjectRole | None) -> Access:
    """Return whether a user's keys for a project work: owners of the organization need no membership."""
    return "active" if org_role == "owner" or (org_role and project_role) else "inactive"


def account_access(role: AccountRole, *, deleted: bool) -> Access:
    """Return whether a service account's keys work."""
    return "inactive" if deleted or role == "none" else "active"


def is_read_only(scopes: Scopes) -> bool:
    """Return whether a key's scopes keep it from generating; no scopes at all restrict nothing."""
    return bool(scopes) and ALL not in scopes
