"""Where names lead: aliases, deprecations, snapshots, pins."""

from sayso.api.admin.model_aliases import AliasBody, AliasMoveBody
from sayso.api.admin.model_deprecations import DeprecationBody
from sayso.api.admin.model_pins import PinBody
from sayso.api.reference.account_routes import ORG, PAGE, PROJECT
from sayso.api.reference.note import Chapter, Note

OPERATOR = ("insufficient_permissions",)

NAMES = Chapter(
    "model-names",
    "Aliases, snapshots and pins",
    "What names lead to. Moving an alias, announcing an end and deleting files are for admin keys of the "
    "operator's own organization. [Models and their names](../models.md) says what each does.",
    {
        ("GET", f"{ORG}/model_aliases"): Note("List aliases", query=(*PAGE, "alias")),
        ("POST", f"{ORG}/model_aliases"): Note(
            "Move an alias",
            body=AliasMoveBody,
            example={"alias": "gpt-3.5-turbo", "snapshot": "{snapshot}"},
            codes=("alias_is_dated", "model_not_found", *OPERATOR),
        ),
        ("POST", f"{ORG}/model_aliases/rollback"): Note(
            "Take an alias's last move back",
            body=AliasBody,
            example={"alias": "gpt-3.5-turbo"},
            codes=("alias_is_dated", *OPERATOR),
        ),
        ("GET", f"{ORG}/model_deprecations"): Note("List names that come to an end", query=PAGE),
        ("POST", f"{ORG}/model_deprecations"): Note(
            "Announce a name's end",
            body=DeprecationBody,
            example={"model": "{model}", "shutdown_at": 4070908800},
            codes=("model_not_found", *OPERATOR),
        ),
        ("DELETE", f"{ORG}/model_deprecations/{{model}}"): Note("Take an announcement back", codes=OPERATOR),
        ("GET", f"{ORG}/snapshots"): Note("List snapshots", query=PAGE),
        ("DELETE", f"{ORG}/snapshots/{{snapshot}}"): Note(
            "Delete a snapshot's files", codes=("snapshot_in_use", *OPERATOR)
        ),
        ("GET", f"{PROJECT}/model_pins"): Note("List a project's pins", query=PAGE),
        ("POST", f"{PROJECT}/model_pins"): Note(
            "Pin a name", body=PinBody, example={"model": "gpt-3.5-turbo"}, codes=("model_not_found",)
        ),
        ("DELETE", f"{PROJECT}/model_pins/{{model}}"): Note("Unpin a name"),
    },
)
