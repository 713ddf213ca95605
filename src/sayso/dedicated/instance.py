"""A dedicated instance: whose it is and how it stands."""

from dataclasses import dataclass

from sayso.dedicated.configuration import Configuration, Share
from sayso.dedicated.load import LoadSettings
from sayso.dedicated.plan import Plan
from sayso.dedicated.states import Standing, State
from sayso.ids import InstanceId, OrgId, ProjectId


@dataclass(frozen=True, slots=True)
class Instance:
    """One project's instance; `created_at` is Unix microseconds.

    `configuration` is what it runs, or would run: what an update is bringing is `next_configuration` until
    it is there.
    """

    id: InstanceId
    organization_id: OrgId
    project_id: ProjectId
    created_at: int
    standing: Standing

    @property
    def name(self) -> str:
        """What its project calls it."""
        return self.standing.name

    @property
    def state(self) -> State:
        """Where it is in its life."""
        return self.standing.state

    @property
    def configuration(self) -> Configuration:
        """What it runs."""
        return self.standing.configuration

    @property
    def next_configuration(self) -> Configuration | None:
        """What an update that is under way brings."""
        return self.standing.next_configuration

    @property
    def config_version(self) -> int:
        """The number of the configuration that it runs, from 1."""
        return self.standing.config_version

    @property
    def plan(self) -> Plan:
        """How it is paid for."""
        return self.standing.plan

    @property
    def snapshot(self) -> str:
        """The id of the snapshot that it runs."""
        return self.configuration.snapshot

    @property
    def share(self) -> Share:
        """What of the machine is its own."""
        return self.configuration.share

    @property
    def context_length(self) -> int:
        """The longest prompt with its answer, in tokens."""
        return self.configuration.context_length

    @property
    def load(self) -> LoadSettings:
        """How much it takes on at once."""
        return self.configuration.load
