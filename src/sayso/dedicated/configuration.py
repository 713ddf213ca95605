"""What an instance is made of: a snapshot, a share of a machine, a context length, a load."""

from dataclasses import asdict, astuple, dataclass

from sayso.dedicated.load import LoadSettings, load_restart_needed


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a machine that nobody else uses; memory in MiB, `vram_mib` that of its GPUs together."""

    cores: int
    memory_mib: int
    gpus: int = 0
    vram_mib: int = 0

    @property
    def units(self) -> int:
        """How often the price is paid: for each GPU where there are any, else for each core."""
        return self.gpus or self.cores

    @property
    def model_mib(self) -> int:
        """The memory that a model and its cache lie in: the GPUs' where there are any."""
        return self.vram_mib if self.gpus else self.memory_mib

    def __add__(self, other: "Share") -> "Share":
        return Share(*map(int.__add__, astuple(self), astuple(other)))

    def __sub__(self, other: "Share") -> "Share":
        return Share(*map(int.__sub__, astuple(self), astuple(other)))

    def changed(
        self,
        cores: int | None = None,
        memory_mib: int | None = None,
        gpus: int | None = None,
        vram_mib: int | None = None,
    ) -> "Share":
        """Return this part with what is not None in place of what it has."""
        wanted = (cores, memory_mib, gpus, vram_mib)
        return Share(
            *(had if named is None else named for had, named in zip(astuple(self), wanted, strict=True))
        )

    def beyond(self, room: "Share") -> tuple[str, ...]:
        """Name the fields that are more than `room` has."""
        have = asdict(room)
        return tuple(name for name, amount in asdict(self).items() if amount > have[name])

    def fits(self, room: "Share") -> bool:
        """Tell whether `room` is enough, in everything."""
        return not self.beyond(room)


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
