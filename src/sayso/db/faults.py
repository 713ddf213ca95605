"""From what a database library raises to what the rest of sayso knows."""

from collections.abc import Callable

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from sayso.errors import StorageUnavailable


def translate_faults(engine: Engine, unavailable: Callable[[BaseException], bool]) -> None:
    """Make `engine` raise `StorageUnavailable` where `unavailable` says so of the driver's error."""

    @event.listens_for(engine, "handle_error", retval=True)
    def translate(context: ExceptionContext) -> BaseException | None:
        # The pool itself looks after a connection that it finds lost.
        if context.is_pre_ping or not unavailable(context.original_exception):
            return None
        return StorageUnavailable()
