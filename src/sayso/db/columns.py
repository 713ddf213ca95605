"""Column types that tables of several rooms have."""

from typing import Annotated

from sqlalchemy import BigInteger, Integer, String
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
