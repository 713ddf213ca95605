"""What instances are kept in.

Counts and moments are whole numbers, moments Unix microseconds and ends of terms Unix seconds, in UTC.
`instance_events` is append-only: triggers refuse UPDATE and DELETE. The state, the node and the rest of
`instances` follow from the events, and are there to be asked for. What was paid for is in the ledger's own
`instance_time`.
"""

from sqlalchemy import Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from sayso.db.base import Base
from sayso.db.columns import CLUSTERED, NAME_LENGTH, Count, Id, KeyId, KeyNumber, Moment, Word, partial_index

INSTANCE_NAME_LENGTH = 64
NODE_LENGTH = 64

_LIVING = "state <> 'terminated'"


class InstanceRow(Base):
    """An instance; `seen_at` is when its host was last known to take requests, 0 before.

    Until `opened_until`, its gate shall let `opened_to` requests through; `opened` is how many it then does.
    """

    __tablename__ = "instances"
    __table_args__ = (
        Index("ix_instances_organization_id_created_at", "organization_id", "created_at"),
        partial_index("ux_instances_project_id_name", "project_id", "name", where=_LIVING, unique=True),
        partial_index("ix_instances_node_living", "node", where=_LIVING),
    )

    id: Mapped[KeyId]
    organization_id: Mapped[Id]
    project_id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(INSTANCE_NAME_LENGTH))
    state: Mapped[Word]
    node: Mapped[str] = mapped_column(String(NODE_LENGTH))
    created_at: Mapped[Moment]
    seen_at: Mapped[Moment]
    paid_until: Mapped[Count]  # Unix seconds: the end of the last time that was charged
    opened_to: Mapped[Count] = mapped_column(default=0, server_default="0")
    opened_until: Mapped[Moment] = mapped_column(default=0, server_default="0")
    opened: Mapped[Count] = mapped_column(default=0, server_default="0")


class InstanceEventRow(Base):
    """What happened to an instance, for good; `change` is JSON, its kind is in `kind`."""

    __tablename__ = "instance_events"
    __table_args__ = CLUSTERED

    instance_id: Mapped[KeyId]
    seq: Mapped[KeyNumber]
    organization_id: Mapped[Id]
    wall: Mapped[Moment]
    monotonic: Mapped[Count]
    actor: Mapped[Id]
    cause: Mapped[Word]
    kind: Mapped[Word]
    change: Mapped[str] = mapped_column(Text)


class InstanceCommandRow(Base):
    """A command under an idempotency key: both hashes are SHA-256, keyed with the organization."""

    __tablename__ = "instance_commands"
    __table_args__ = (Index("ix_instance_commands_created_at", "created_at"), CLUSTERED)

    organization_id: Mapped[KeyId]
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    params_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    instance_id: Mapped[Id]
    created_at: Mapped[Moment]


class MachineRow(Base):
    """What a machine has; memory in MiB. `seen_at` is when its server last said so."""

    __tablename__ = "machines"
    __table_args__ = CLUSTERED

    node: Mapped[str] = mapped_column(String(NODE_LENGTH), primary_key=True)
    cores: Mapped[Count]
    memory_mib: Mapped[Count]
    gpus: Mapped[Count]
    vram_mib: Mapped[Count] = mapped_column(default=0, server_default="0")
    seen_at: Mapped[Moment]


class CapacityRow(Base):
    """What of a machine is somebody's: an instance's, or the shared pool's (`holder` is `shared`)."""

    __tablename__ = "capacity_reservations"
    __table_args__ = CLUSTERED

    node: Mapped[str] = mapped_column(String(NODE_LENGTH), primary_key=True)
    holder: Mapped[KeyId]
    cores: Mapped[Count]
    memory_mib: Mapped[Count]
    gpus: Mapped[Count]
    vram_mib: Mapped[Count] = mapped_column(default=0, server_default="0")
    since: Mapped[Moment]


class InstanceCreditRow(Base):
    """What was given back for a period in which an instance was less available than promised."""

    __tablename__ = "instance_credits"
    __table_args__ = CLUSTERED

    instance_id: Mapped[KeyId]
    period_start: Mapped[KeyNumber]
    period_end: Mapped[Count]
    organization_id: Mapped[Id]
    ready_seconds: Mapped[Count]
    due_seconds: Mapped[Count]
    charged: Mapped[Count]
    nano_usd: Mapped[Count]
    transaction_id: Mapped[Count]


class MeasurementRow(Base):
    """The most that an instance of this size was measured to do: tokens in a thousand seconds, all requests.

    `concurrency` is how many requests ran at once then.
    """

    __tablename__ = "instance_measurements"
    __table_args__ = CLUSTERED

    snapshot: Mapped[str] = mapped_column(String(NAME_LENGTH), primary_key=True)
    cores: Mapped[KeyNumber]
    gpus: Mapped[KeyNumber]
    tokens_per_1000_seconds: Mapped[Count]
    concurrency: Mapped[Count]
    measured_at: Mapped[Moment]


class CurveRow(Base):
    """An instance's latest load curve: `levels` is a JSON array, `config_version` what it then ran."""

    __tablename__ = "instance_curves"
    __table_args__ = CLUSTERED

    instance_id: Mapped[KeyId]
    config_version: Mapped[Count]
    measured_at: Mapped[Moment]
    levels: Mapped[str] = mapped_column(Text)


class UtilizationRow(Base):
    """How busy an instance was in a minute that begins at that Unix second; see `utilization`."""

    __tablename__ = "instance_utilization"
    __table_args__ = (Index("ix_instance_utilization_minute", "minute"), CLUSTERED)

    instance_id: Mapped[KeyId]
    minute: Mapped[KeyNumber]
    busy_ms: Mapped[Count]
    open_ms: Mapped[Count]
