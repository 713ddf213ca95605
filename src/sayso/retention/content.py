"""Content on its way into the store and out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from sayso.ids import OrgId, ProjectId
from sayso.retention.classes import CONTENT
from sayso.retention.sealing import Binding, Part

Kind: TypeAlias = Literal["chat", "completion", "transcription", "translation", "detection"]


@dataclass(frozen=True, slots=True)
class Content:
    """What one request said and was answered.

    `record_id` is the answer's id, or the request's where the answer has none. `owner_id` is the user or
    service account whose key it was, `model` a snapshot's id. `created_at` is in Unix microseconds.
    `stored`: the request asked for it. `asked_model` is the model's name as the request had it, `end_user`
    the tag of whom the caller names as its own user (`KeyStore.tag`); empty texts where there is none.
    """

    record_id: str
    organization_id: OrgId
    project_id: ProjectId
    owner_id: str
    kind: Kind
    model: str
    created_at: int
    parts: Mapping[Part, bytes] = field(repr=False)
    stored: bool = False
    asked_model: str = ""
    end_user: str = ""

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(map(len, self.parts.values()))

    @property
    def binding(self) -> Binding:
        """What its ciphertext is bound to."""
        return Binding(
            self.record_id,
            self.organization_id,
            self.project_id,
            self.owner_id,
            self.kind,
            CONTENT,
            self.stored,
            self.created_at,
        )


@dataclass(frozen=True, slots=True)
class Kept:
    """It is written and expires at this moment, in Unix microseconds."""

    expires_at: int


@dataclass(frozen=True, slots=True)
class NotKept:
    """It is not written: the policy in force keeps nothing, or its erasure has been asked for."""


@dataclass(frozen=True, slots=True)
class Retained:
    """A record that is kept, decrypted. `held` by a legal hold it outlives `expires_at`, unseen."""

    record_id: str
    organization_id: OrgId
    project_id: ProjectId
    owner_id: str
    kind: str
    model: str
    created_at: int
    expires_at: int
    stored: bool
    held: bool
    end_user: str
    parts: Mapping[Part, bytes] = field(repr=False)
