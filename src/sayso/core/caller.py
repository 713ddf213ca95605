"""Who is calling."""

from dataclasses import dataclass

from sayso.ids import KeyId, OrgId, ProjectId


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated API key with the organization and project that it belongs to."""

    org_id: OrgId
    project_id: ProjectId
    key_id: KeyId
