"""Change many rows without keeping anybody from writing: found by readers, changed a few at a time."""

from sqlalchemy import ColumnElement, select, update

from sayso.db.session import Database
from sayso.retention.sharing import sharing
from sayso.retention.tables import RetainedRecord

RECORDS = 250  # in one transaction


async def mark(db: Database, condition: ColumnElement[bool], **values: ColumnElement[int] | int) -> int:
    """Give the records that meet a condition these values; return how many were changed.

    The condition must not hold any more for what has been changed.
    """
    changed, after = 0, ""
    while True:
        async with db.read() as session:
            found = select(RetainedRecord.id).where(condition, RetainedRecord.id > after)
            ids = list(await session.scalars(found.order_by(RetainedRecord.id).limit(RECORDS)))
        if ids:
            change = update(RetainedRecord).where(RetainedRecord.id.in_(ids), condition).values(**values)
            async with sharing(db) as session:
                changed += len(list(await session.scalars(change.returning(RetainedRecord.id))))
        if len(ids) < RECORDS:
            return changed
        after = ids[-1]
