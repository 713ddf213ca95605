"""How long content is kept: the strictest of what the operator, the organization and the project say."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from sayso.errors import InvalidRequest
from sayso.retention.clock import DAY

DEFAULT_DAYS = 30  # also the most that anybody may ask for

Mode: TypeAlias = Literal["inherit", "default", "days", "stored_only", "zero"]
Scope: TypeAlias = Literal["organization", "project"]


@dataclass(frozen=True, slots=True)
class RetentionSetting:
    """What an organization or a project asks for.

    `inherit` asks for nothing, `default` for 30 days, `days` for that many (1 to 30). Under `stored_only`
    only what a request asked to store is kept; under `zero` nothing is. Raises `InvalidRequest` for a mode
    that does not exist and for `days` where it does not belong or is out of range.
    """

    mode: Mode
    days: int = 0

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise InvalidRequest(f"Retention can not be '{self.mode}'.", param="mode")
        if self.mode == "days" and not 1 <= self.days <= DEFAULT_DAYS:
            raise InvalidRequest(f"Days of retention are 1 to {DEFAULT_DAYS}.", param="days")
        if self.mode != "days" and self.days:
            raise InvalidRequest("Only the mode 'days' takes a number of days.", param="days")

    @property
    def policy(self) -> "RetentionPolicy":
        """What this setting allows by itself."""
        match self.mode:
            case "inherit" | "default":
                return RetentionPolicy(DEFAULT_DAYS, DEFAULT_DAYS)
            case "days":
                return RetentionPolicy(self.days, self.days)
            case "stored_only":
                return RetentionPolicy(0, DEFAULT_DAYS)
            case "zero":
                return RetentionPolicy(0, 0)


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """For how many days content is kept; 0: never written.

    `days` is for what is kept unasked, `stored_days` for what a request asked to store (`store: true`).
    """

    days: int
    stored_days: int

    def days_for(self, *, stored: bool) -> int:
        """Return the days of one of the two."""
        return self.stored_days if stored else self.days

    def keeps(self, *, stored: bool) -> bool:
        """Return whether anything is written at all."""
        return self.days_for(stored=stored) > 0

    def expires_at(self, created_at: int, *, stored: bool) -> int:
        """Return when content of `created_at` expires; both in Unix microseconds."""
        return created_at + self.days_for(stored=stored) * DAY

    def strictest(self, other: "RetentionPolicy") -> "RetentionPolicy":
        """Return what both allow."""
        return RetentionPolicy(min(self.days, other.days), min(self.stored_days, other.stored_days))


INHERIT = RetentionSetting("inherit")


def effective(
    organization: RetentionSetting, project: RetentionSetting = INHERIT, ceiling_days: int = DEFAULT_DAYS
) -> RetentionPolicy:
    """Return what is in force for a project: the strictest of all, under the operator's ceiling."""
    ceiling = RetentionPolicy(ceiling_days, ceiling_days)
    return organization.policy.strictest(project.policy).strictest(ceiling)


SdkType: TypeAlias = Literal[
    "organization_default",
    "none",
    "zero_data_retention",
    "modified_abuse_monitoring",
    "enhanced_zero_data_retention",
    "enhanced_modified_abuse_monitoring",
]


def from_sdk(retention_type: str) -> RetentionSetting:
    """Return the setting that a `retention_type` of OpenAI's API stands for.

    Its "enhanced" types say the same here: there are no exceptions that they could rule out. Raises
    `InvalidRequest` for another word.
    """
    match retention_type:
        case "organization_default":
            return INHERIT
        case "none":
            return RetentionSetting("default")
        case "modified_abuse_monitoring" | "enhanced_modified_abuse_monitoring":
            return RetentionSetting("stored_only")
        case "zero_data_retention" | "enhanced_zero_data_retention":
            return RetentionSetting("zero")
        case _:
            raise InvalidRequest(f"There is no retention type '{retention_type}'.", param="retention_type")


def to_sdk(setting: RetentionSetting) -> SdkType:
    """Return the nearest word of OpenAI's API; a number of days has none and is `none` there."""
    match setting.mode:
        case "inherit":
            return "organization_default"
        case "default" | "days":
            return "none"
        case "stored_only":
            return "modified_abuse_monitoring"
        case "zero":
            return "zero_data_retention"
