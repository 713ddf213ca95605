"""What is kept and for how long, by class; `docs/data.md` shows this table and a test compares them."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

ClassId: TypeAlias = Literal["K0", "K1", "K2", "K3", "K4", "K5", "K6", "K7", "K8", "K9"]


@dataclass(frozen=True, slots=True)
class RetentionClass:
    """A class of what a server holds. The three periods are sentences for people.

    `default` is for an organization that has asked for nothing, `stored_only` and `zero` for one that has
    asked for that.
    """

    id: ClassId
    holds: str
    where: str
    default: str
    stored_only: str
    zero: str


_SAME = "the same"

CLASSES: tuple[RetentionClass, ...] = (
    RetentionClass(
        "K0",
        "prompts, answers, audio, transcripts",
        "database, encrypted; keys in the key store",
        "30 days, or as many as the organization or project asks for",
        "only what a request asked to store: 30 days",
        "never written",
    ),
    RetentionClass(
        "K1",
        "what is computed from content: a keyed digest of `safety_identifier`, or else `user`",
        "database, beside the content; its key in the key store",
        "as long as the content",
        "as long as the content",
        "never written",
    ),
    RetentionClass(
        "K2",
        "usage, charges, invoices: counts and ids, no content",
        "database",
        "7 years at least; sayso removes nothing",
        _SAME,
        _SAME,
    ),
    RetentionClass(
        "K3",
        "the audit log: who did what, no content; deletion receipts, sweeps, erasures, legal holds",
        "database",
        "the audit log 400 days, then deleted; the others are proof and stay",
        _SAME,
        _SAME,
    ),
    RetentionClass(
        "K4",
        "operational logs, without content",
        "standard error; the operator's own collection",
        "sayso keeps none; as long as the operator's collection does, who should set it to 14 days",
        _SAME,
        _SAME,
    ),
    RetentionClass(
        "K5",
        "what a request needs while it runs: uploads, decoded audio",
        "memory only",
        "the request",
        _SAME,
        _SAME,
    ),
    RetentionClass(
        "K6",
        "key-value caches of the engines",
        "memory only",
        "until the room is needed, the engine ends, or it has been idle for `forget_idle_minutes`",
        "the same, and found by no other request, unless stored",
        "the same, and found by no other request",
    ),
    RetentionClass(
        "K7",
        "idempotency keys: keyed digests, no bodies",
        "database",
        "24 hours",
        _SAME,
        _SAME,
    ),
    RetentionClass(
        "K8",
        "backups",
        "wherever the operator keeps them",
        "without the key store, so without readable content",
        _SAME,
        _SAME,
    ),
    RetentionClass(
        "K9",
        "the improvement corpus",
        "wherever it is exported to",
        "nothing, unless the organization has opted in; until it opts out or the content is deleted",
        _SAME,
        "nothing",
    ),
)

CONTENT: ClassId = "K0"
