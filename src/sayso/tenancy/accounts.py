"""What the services of this package work on."""

from dataclasses import dataclass, field

from sayso.db.session import Database


@dataclass(frozen=True, slots=True)
class Accounts:
    """The database with the secret that its keys are checked with, 32 bytes."""

    db: Database
    pepper: bytes = field(repr=False)
