"""One line per event on standard error: a fixed event name and declared fields, never content.

Content can not slip in by habit: an event's name is a constant, `Fields` declares every field, and there is
no message to format. Exceptions show their types and places, not their messages, which may quote what a
caller sent. Records of the standard library's loggers are one line too: those of this package show their
message, those of other libraries only its template, and only from WARNING up, because below that some print
SQL parameters and headers.
"""

import json
import logging
import re
import sys
import threading
import traceback
import warnings
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, TextIO, TypedDict, Unpack

LogFormat = Literal["text", "json"]
Level = Literal["debug", "info", "warning", "error"]

ROOT = "sayso"
MAX_VALUE = 256  # characters of one field
MAX_FRAMES = 12  # places of one exception, the innermost
_EVENT = re.compile(r"[a-z][a-z0-9_]*")
_BARE = re.compile(r"[A-Za-z0-9_.:/@+<>-]+")
_FIELDS = "sayso_fields"


class Fields(TypedDict, total=False):
    """Every field that an event may have. Nothing here may hold what a caller wrote.

    `route` is the route's template, `model` a snapshot's id (never the name that a request gave), durations
    are seconds, `error` an exception, of which only types and places are shown, `reason` a constant or an
    operator-facing text of our own.
    """

    request_id: str
    org_id: str
    project_id: str
    key_id: str
    alert_id: str
    instance_id: str
    route: str
    method: str
    status: int
    outcome: str
    reason: str
    model: str
    engine: str
    task: str
    language: str
    pid: int
    signal: int
    exit_code: int
    attempt: int
    count: int
    held_nano_usd: int
    charged_nano_usd: int
    bytes: int
    seconds: float
    first_token_seconds: float
    retry_seconds: float
    audio_seconds: float
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    version: str
    host: str
    port: int
    path: str
    error: BaseException


_DECLARED = frozenset(Fields.__annotations__)


class EventLogger:
    """Logs events of one part of sayso."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name if name.startswith(ROOT) else f"{ROOT}.{name}")

    def debug(self, event: str, **fields: Unpack[Fields]) -> None:
        """Log what helps in a search for a fault."""
        self._log(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Unpack[Fields]) -> None:
        """Log what happens in the course of things."""
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Unpack[Fields]) -> None:
        """Log what an operator may want to look at."""
        self._log(logging.WARNING, event, fields)

    def error(self, event: str, **fields: Unpack[Fields]) -> None:
        """Log what an operator must look at."""
        self._log(logging.ERROR, event, fields)

    def _log(self, level: int, event: str, fields: Fields) -> None:
        if not _EVENT.fullmatch(event):
            raise ValueError("an event's name is a constant of a-z, 0-9 and _")
        if unknown := fields.keys() - _DECLARED:
            raise ValueError(f"undeclared log field '{min(unknown)}'")
        self._logger.log(level, event, extra={_FIELDS: fields})


class EventFormatter(logging.Formatter):
    """Writes a record as one line of ASCII without control characters, `key=value` or JSON."""

    def __init__(self, form: LogFormat) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        line |= _own_fields(record) if hasattr(record, _FIELDS) else _plain_fields(record)
        if self._form == "json":
            return json.dumps(line)
        head = " ".join(str(line.pop(key)) for key in ("time", "level", "logger", "event"))
        return " ".join([head, *(f"{key}={_quoted(value)}" for key, value in line.items())])


def configure_logging(level: Level, form: LogFormat, stream: TextIO | None = None) -> None:
    """Send all log records, warnings and uncaught exceptions of this process to `stream`.

    None is standard error. Replaces what was configured before.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(EventFormatter(form))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name, logger in logging.Logger.manager.loggerDict.items():
        if isinstance(logger, logging.Logger) and name.split(".")[0] != ROOT:
            logger.handlers.clear()
            logger.setLevel(logging.NOTSET)
            logger.propagate = True
    logging.getLogger(ROOT).setLevel(level.upper())
    logging.raiseExceptions = False  # a full disk under the log must not print records elsewhere
    _log_uncaught()


def _log_uncaught() -> None:
    log = EventLogger("process")

    def uncaught(_kind: object, error: BaseException, _trace: TracebackType | None) -> None:
        log.error("uncaught_exception", error=error)

    def uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            log.error("uncaught_exception_in_thread", error=arguments.exc_value)

    def unraisable(arguments: Any) -> None:
        if arguments.exc_value is not None:
            log.warning("unraisable_exception", error=arguments.exc_value)

    def warned(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        log.warning("python_warning", reason=category.__name__, path=f"{_base(filename)}:{lineno}")

    sys.excepthook = uncaught
    warnings.showwarning = warned
    threading.excepthook = uncaught_in_thread
    sys.unraisablehook = unraisable


def _own_fields(record: logging.LogRecord) -> dict[str, object]:
    line: dict[str, object] = {"event": record.msg}
    for key, value in getattr(record, _FIELDS).items():
        line[key] = _shown(value)
    return line


def _plain_fields(record: logging.LogRecord) -> dict[str, object]:
    ours = record.name.split(".")[0] == ROOT
    text = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
    if ours:
        text = record.getMessage()
    line: dict[str, object] = {
        "event": "message" if ours else "library_message",
        "reason": _shown(text.partition("\n")[0]),
        "path": f"{record.module}:{record.lineno}",
    }
    line |= {key: _shown(record.__dict__[key]) for key in _DECLARED & record.__dict__.keys()}
    if record.exc_info and record.exc_info[1]:
        line["error"] = _described(record.exc_info[1])
    return line


def _described(error: BaseException) -> str:
    """Return an exception's type and places, and those of its causes: never a message or a line of code."""
    frames = traceback.extract_tb(error.__traceback__, limit=-MAX_FRAMES)
    places = "<".join(f"{_base(frame.filename)}:{frame.lineno}:{frame.name}" for frame in reversed(frames))
    text = f"{type(error).__qualname__}@{places}" if places else type(error).__qualname__
    if isinstance(error, BaseExceptionGroup):
        text += "+".join(["", *(_described(inner) for inner in error.exceptions[:3])])
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return f"{text};{_described(cause)}" if cause is not None and cause is not error else text


def _base(path: str) -> str:
    return path.rpartition("/")[2]


def _shown(value: object) -> str | int | float | None:
    match value:
        case str():
            return value if len(value) <= MAX_VALUE else f"{value[:MAX_VALUE]}..."
        case int() | float() | None:
            return value
        case BaseException():
            return _described(value)
        case _:
            return type(value).__name__


def _quoted(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if _BARE.fullmatch(text) else json.dumps(text)
