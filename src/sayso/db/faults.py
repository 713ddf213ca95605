"""From what a database library raises to what the rest of sayso knows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from sayso.errors import InvalidRequest, StorageUnavailable

Diagnosis: TypeAlias = Callable[[BaseException], bool]


def translate_faults(engine: Engine, unavailable: Diagnosis, unfit: Diagnosis = lambda _: False) -> None:
    """Make `engine` raise `StorageUnavailable` or `InvalidRequest` where these say so of an error."""

    @event.listens_for(engine, "handle_error", retval=True)
    def translate(context: ExceptionContext) -> BaseException | None:
        # The pool itself looks after a connection that it finds lost.
        if context.is_pre_ping:
            return None
        if unavailable(context.original_exception):
            return StorageUnavailable()
        if unfit(context.original_exception):
            return InvalidRequest("A value is too long or too large, or holds the character U+0000.")
        return None


@contextmanager
def closed_on_failure(connection: Any) -> Iterator[None]:
    """Close a driver's new connection where setting it up fails: nobody else knows of it yet."""
    try:
        yield
    except BaseException:
        connection.close()
        raise
