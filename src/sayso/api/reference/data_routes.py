"""What is kept, and how it goes."""

from sayso.api.admin.data_retention import OrgRetentionBody, ProjectRetentionBody
from sayso.api.admin.erasures import ErasureBody
from sayso.api.admin.improvement import ImprovementBody
from sayso.api.admin.legal_holds import HoldBody
from sayso.api.reference.account_routes import ORG, PAGE, PROJECT, SDK
from sayso.api.reference.note import Chapter, Note

DATA = Chapter(
    "data",
    "Data controls",
    "How long content is kept, and how it is destroyed. [Data](../data.md) says what is promised, "
    "[the guide](../guides/data-controls.md) shows how to ask for it.",
    {
        ("GET", f"{ORG}/data_retention"): Note(
            "Retrieve the organization's data retention", f"{SDK}.data_retention.retrieve"
        ),
        ("POST", f"{ORG}/data_retention"): Note(
            "Set the organization's data retention",
            f"{SDK}.data_retention.update",
            body=OrgRetentionBody,
            example={"retention_type": "zero_data_retention"},
        ),
        ("GET", f"{PROJECT}/data_retention"): Note(
            "Retrieve a project's data retention", f"{SDK}.projects.data_retention.retrieve"
        ),
        ("POST", f"{PROJECT}/data_retention"): Note(
            "Set a project's data retention",
            f"{SDK}.projects.data_retention.update",
            body=ProjectRetentionBody,
            example={"retention_type": "zero_data_retention"},
        ),
        ("GET", f"{ORG}/kept_data"): Note("See what is kept of the organization"),
        ("GET", f"{PROJECT}/kept_data"): Note("See what is kept of a project"),
        ("GET", f"{ORG}/improvement"): Note("Retrieve the consent to improvement"),
        ("POST", f"{ORG}/improvement"): Note(
            "Opt in or out of improvement", body=ImprovementBody, example={"opted_in": False}
        ),
        ("GET", f"{ORG}/erasures"): Note("List erasures", query=PAGE),
        ("POST", f"{ORG}/erasures"): Note(
            "Erase content", body=ErasureBody, example={"scope": "end_user", "id": "customer-4711"}
        ),
        ("GET", f"{ORG}/erasures/{{erasure_id}}"): Note("Retrieve an erasure"),
        ("GET", f"{ORG}/deletion_receipts"): Note(
            "List deletion receipts", query=("receipts_after", "receipts")
        ),
        ("GET", f"{ORG}/deletion_receipts/{{receipt_id}}"): Note("Retrieve and check a deletion receipt"),
        ("GET", f"{ORG}/legal_holds"): Note("List legal holds", query=PAGE),
        ("POST", f"{ORG}/legal_holds"): Note(
            "Place a legal hold", body=HoldBody, example={"reason": "Order 12/2026"}
        ),
        ("GET", f"{ORG}/legal_holds/{{hold_id}}"): Note("Retrieve a legal hold"),
        ("POST", f"{ORG}/legal_holds/{{hold_id}}/release"): Note("Release a legal hold"),
    },
)
