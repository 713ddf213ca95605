"""What an instance is made of: a snapshot, a share of a machine, a context length, a load."""

from dataclasses import dataclass

from sayso.dedicated.load import LoadSettings, load_restart_needed


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a machine that nobody else uses; memory in MiB."""

    cores: int
    memory_mib: int
    gpus: int = 0

    @property
    def units(self) -> int:
        """How often the price is paid: for each GPU where there are any, else for each core."""
        return self.gpus or self.cores

    def __add__(self, other: "Share") -> "Share":
        return Share(self.cores + other.cores, self.memory_mib + other.memory_mib, self.gpus + other.gpus)

    def __sub__(self, other: "Share") -> "Share":
        return Share(self.cores - other.cores, self.memory_mib - other.memory_mib, self.gpus - other.gpus)

    def changed(
        self, cores: int | None = None, memory_mib: int | None = None, gpus: int | None = None
    ) -> "Share":
        """Return this part with what is not None in place of what it has."""
        return Share(
            self.cores if cores is None else cores,
            self.memory_mib if memory_mib is None else memory_mib,
            self.gpus if gpus is None else gpus,
        )

    def fits(self, room: "Share") -> bool:
        """Tell whether `room` is enough, in everything."""
        return self.cores <= room.cores and self.memory_mib <= room.memory_mib and self.gpus <= room.gpus


NO_SHARE = Share(0, 0)


@dataclass(frozen=True, slots=True)
class Configuration:
    """What an instance runs; `snapshot` is a snapshot's id, never an alias; `context_length` in tokens."""

    snapshot: str
    share: Share
    context_length: int
    load: LoadSettings


def restart_needed(old: Configuration, new: Configuration, places: int = 0) -> bool:
    """Tell whether going from `old` to `new` takes another engine host, or only the gate before it.

    `places` is for how many requests of the full context the running one has room, 0 where that is not known.
    """
    same = (old.snapshot, old.share, old.context_length) == (new.snapshot, new.share, new.context_length)
    return not same or load_restart_needed(old.load, new.load, places)
