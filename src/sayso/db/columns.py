"""Column types and indexes that tables of several rooms have."""

from typing import Annotated

from sqlalchemy import BigInteger, Index, Integer, String, text
from sqlalchemy.orm import mapped_column

from sayso.db.base import ID_LENGTH

NAME_LENGTH = 256  # characters of a model's name
WORD_LENGTH = 32  # characters of a kind, a state, a meter, a cause

Count = Annotated[int, mapped_column(BigInteger)]
Moment = Annotated[int, mapped_column(BigInteger)]
Id = Annotated[str, mapped_column(String(ID_LENGTH))]
Word = Annotated[str, mapped_column(String(WORD_LENGTH))]
KeyId = Annotated[str, mapped_column(String(ID_LENGTH), primary_key=True)]
KeyNumber = Annotated[int, mapped_column(BigInteger, primary_key=True, autoincrement=False)]
# On SQLite only INTEGER is the row's own number and needs no index beside the table.
Serial = Annotated[
    int,
    mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
]

CLUSTERED = {"sqlite_with_rowid": False}


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return an index of the few rows that meet a condition.

    Migrations make it so on PostgreSQL as well; to say it here would have every process read that dialect.
    """
    return Index(name, *columns, unique=unique, sqlite_where=text(where))
