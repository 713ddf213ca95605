"""Whose limits and money: an organization's, a project's or a key's."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

ScopeKind: TypeAlias = Literal["organization", "project", "key"]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a limit holds for; `project_id` is a key's project."""

    kind: ScopeKind
    id: str
    project_id: str | None = None
