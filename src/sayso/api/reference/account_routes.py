"""Who may do what: admin keys, people, projects, keys of projects, the audit log."""

from sayso.api.admin.admin_api_keys import AdminKeyBody
from sayso.api.admin.invites import InviteBody
from sayso.api.admin.model_permissions import ModelPermissionBody
from sayso.api.admin.project_api_keys import ProjectKeyBody
from sayso.api.admin.project_users import MemberBody, NewMemberBody
from sayso.api.admin.projects import NewProjectBody, ProjectBody
from sayso.api.admin.service_accounts import AccountBody, AccountKeyBody, NewAccountBody
from sayso.api.admin.users import UserBody
from sayso.api.reference.note import Chapter, Note

ORG = "/v1/organization"
PROJECT = f"{ORG}/projects/{{project_id}}"
SDK = "admin.organization"
PAGE = ("limit", "after", "before", "order")

ADMINISTRATION = Chapter(
    "administration",
    "Admin keys and audit log",
    "An admin key opens the routes below `/v1/organization` and can call no model. The first one comes from "
    "`sayso keys create --admin` on the server.",
    {
        ("GET", f"{ORG}/admin_api_keys"): Note("List admin keys", f"{SDK}.admin_api_keys.list", query=PAGE),
        ("POST", f"{ORG}/admin_api_keys"): Note(
            "Create an admin key",
            f"{SDK}.admin_api_keys.create",
            body=AdminKeyBody,
            example={"name": "reports", "expires_in_seconds": 2592000},
        ),
        ("GET", f"{ORG}/admin_api_keys/{{key_id}}"): Note(
            "Retrieve an admin key", f"{SDK}.admin_api_keys.retrieve"
        ),
        ("DELETE", f"{ORG}/admin_api_keys/{{key_id}}"): Note(
            "Revoke an admin key", f"{SDK}.admin_api_keys.delete"
        ),
        ("GET", f"{ORG}/audit_logs"): Note(
            "List audit log events",
            f"{SDK}.audit_logs.list",
            query=(
                *PAGE,
                "effective_at[gt]",
                "effective_at[gte]",
                "effective_at[lt]",
                "effective_at[lte]",
                "project_ids[]",
                "event_types[]",
                "actor_ids[]",
                "actor_emails[]",
                "resource_ids[]",
                "tenant_only",
            ),
        ),
    },
)

PEOPLE = Chapter(
    "people",
    "Users and invites",
    "Members of the organization, and who has been asked to join it.",
    {
        ("GET", f"{ORG}/users"): Note("List users", f"{SDK}.users.list", query=(*PAGE, "emails[]")),
        ("GET", f"{ORG}/users/{{user_id}}"): Note("Retrieve a user", f"{SDK}.users.retrieve"),
        ("POST", f"{ORG}/users/{{user_id}}"): Note(
            "Change a user's role",
            f"{SDK}.users.update",
            body=UserBody,
            example={"role": "reader"},
            codes=("last_owner",),
        ),
        ("DELETE", f"{ORG}/users/{{user_id}}"): Note(
            "Remove a user", f"{SDK}.users.delete", codes=("last_owner",)
        ),
        ("GET", f"{ORG}/invites"): Note("List invites", f"{SDK}.invites.list", query=PAGE),
        ("POST", f"{ORG}/invites"): Note(
            "Create an invite",
            f"{SDK}.invites.create",
            body=InviteBody,
            example={"email": "ada@example.org", "role": "reader"},
            codes=("user_already_in_organization",),
        ),
        ("GET", f"{ORG}/invites/{{invite_id}}"): Note("Retrieve an invite", f"{SDK}.invites.retrieve"),
        ("DELETE", f"{ORG}/invites/{{invite_id}}"): Note(
            "Delete an invite", f"{SDK}.invites.delete", codes=("invite_accepted",)
        ),
    },
)

PROJECTS = Chapter(
    "projects",
    "Projects",
    "A project has keys, members, limits and a data policy of its own.",
    {
        ("GET", f"{ORG}/projects"): Note(
            "List projects", f"{SDK}.projects.list", query=(*PAGE, "include_archived")
        ),
        ("POST", f"{ORG}/projects"): Note(
            "Create a project", f"{SDK}.projects.create", body=NewProjectBody, example={"name": "Research"}
        ),
        ("GET", PROJECT): Note("Retrieve a project", f"{SDK}.projects.retrieve"),
        ("POST", PROJECT): Note(
            "Rename a project",
            f"{SDK}.projects.update",
            body=ProjectBody,
            example={"name": "Field research"},
            codes=("project_archived",),
        ),
        ("POST", f"{PROJECT}/archive"): Note("Archive a project", f"{SDK}.projects.archive"),
        ("GET", f"{PROJECT}/users"): Note("List a project's users", f"{SDK}.projects.users.list", query=PAGE),
        ("POST", f"{PROJECT}/users"): Note(
            "Add a user to a project",
            f"{SDK}.projects.users.create",
            body=NewMemberBody,
            example={"user_id": "{user_id}", "role": "member"},
            codes=("user_already_in_project", "project_archived"),
        ),
        ("GET", f"{PROJECT}/users/{{user_id}}"): Note(
            "Retrieve a project's user", f"{SDK}.projects.users.retrieve"
        ),
        ("POST", f"{PROJECT}/users/{{user_id}}"): Note(
            "Change a user's role in a project",
            f"{SDK}.projects.users.update",
            body=MemberBody,
            example={"role": "owner"},
            codes=("project_archived",),
        ),
        ("DELETE", f"{PROJECT}/users/{{user_id}}"): Note(
            "Remove a user from a project", f"{SDK}.projects.users.delete", codes=("project_archived",)
        ),
        ("GET", f"{PROJECT}/model_permissions"): Note(
            "Retrieve a project's model permissions", f"{SDK}.projects.model_permissions.retrieve"
        ),
        ("POST", f"{PROJECT}/model_permissions"): Note(
            "Set a project's model permissions",
            f"{SDK}.projects.model_permissions.update",
            body=ModelPermissionBody,
            example={"mode": "allow_list", "model_ids": ["gpt-3.5-turbo", "whisper-1"]},
            codes=("project_archived",),
        ),
        ("DELETE", f"{PROJECT}/model_permissions"): Note(
            "Delete a project's model permissions",
            f"{SDK}.projects.model_permissions.delete",
            codes=("project_archived",),
        ),
    },
)

KEYS = Chapter(
    "keys",
    "Project keys and service accounts",
    "A key belongs to one project, and to a user or a service account in it. A secret is shown once, "
    "by the request that makes it.",
    {
        ("GET", f"{PROJECT}/api_keys"): Note(
            "List a project's keys",
            f"{SDK}.projects.api_keys.list",
            query=(*PAGE, "owner_project_access", "include_revoked"),
        ),
        ("GET", f"{PROJECT}/api_keys/{{key_id}}"): Note(
            "Retrieve a key", f"{SDK}.projects.api_keys.retrieve"
        ),
        ("POST", f"{PROJECT}/api_keys/{{key_id}}"): Note(
            "Change a key's scopes or expiry",
            f"{SDK}.projects.api_keys.update",
            in_node=False,
            body=ProjectKeyBody,
            example={"expires_in_seconds": 86400},
            codes=("api_key_expired", "project_archived"),
        ),
        ("DELETE", f"{PROJECT}/api_keys/{{key_id}}"): Note("Revoke a key", f"{SDK}.projects.api_keys.delete"),
        ("GET", f"{PROJECT}/service_accounts"): Note(
            "List service accounts", f"{SDK}.projects.service_accounts.list", query=PAGE
        ),
        ("POST", f"{PROJECT}/service_accounts"): Note(
            "Create a service account",
            f"{SDK}.projects.service_accounts.create",
            body=NewAccountBody,
            example={"name": "nightly-report"},
            codes=("project_archived",),
        ),
        ("GET", f"{PROJECT}/service_accounts/{{account_id}}"): Note(
            "Retrieve a service account", f"{SDK}.projects.service_accounts.retrieve"
        ),
        ("POST", f"{PROJECT}/service_accounts/{{account_id}}"): Note(
            "Change a service account",
            f"{SDK}.projects.service_accounts.update",
            body=AccountBody,
            example={"name": "weekly-report"},
            codes=("project_archived",),
        ),
        ("DELETE", f"{PROJECT}/service_accounts/{{account_id}}"): Note(
            "Delete a service account", f"{SDK}.projects.service_accounts.delete"
        ),
        ("POST", f"{PROJECT}/service_accounts/{{account_id}}/api_keys"): Note(
            "Create a service account's key",
            f"{SDK}.projects.service_accounts.api_keys.create",
            body=AccountKeyBody,
            example={"name": "second key"},
            codes=("project_archived",),
        ),
    },
)
