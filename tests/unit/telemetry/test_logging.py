"""One event, one line, and nothing in it that a caller wrote."""

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sayso.telemetry.logging import EventLogger, LogFormat, configure_logging

CANARY = "zyx-canary-7"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, hooks = root.handlers[:], root.level, (sys.excepthook, sys.unraisablehook)
    show, of_threads = warnings.showwarning, threading.excepthook
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("sayso").setLevel(logging.NOTSET)
    logging.raiseExceptions = True
    sys.excepthook, sys.unraisablehook = hooks
    threading.excepthook, warnings.showwarning = of_threads, show


def lines_of(form: LogFormat, *events: tuple[str, dict[str, Any]]) -> list[str]:
    stream = io.StringIO()
    configure_logging("debug", form, stream)
    log = EventLogger("test")
    for event, fields in events:
        log.info(event, **fields)
    text = stream.getvalue()
    assert text.endswith("\n")
    return text[:-1].split("\n")


def test_text_is_time_level_logger_event_and_fields() -> None:
    (line,) = lines_of("text", ("engine_started", {"engine": "openvino", "seconds": 1.5, "reason": "a b"}))
    time, rest = line.split(" ", 1)
    assert time.endswith("Z")
    assert rest == 'info sayso.test engine_started engine=openvino seconds=1.5 reason="a b"'


def test_json_has_the_same() -> None:
    (line,) = lines_of("json", ("engine_started", {"engine": "openvino", "seconds": 1.5}))
    parsed = json.loads(line)
    del parsed["time"]
    assert parsed == {
        "level": "info",
        "logger": "sayso.test",
        "event": "engine_started",
        "engine": "openvino",
        "seconds": 1.5,
    }


@pytest.mark.parametrize("form", ["text", "json"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    value=st.text(
        st.characters(exclude_categories=["Cs"]) | st.sampled_from('\r\n\x1b\x7f\x85\u2028\u202e"\\= ')
    )
)
def test_no_value_forges_a_line(form: LogFormat, value: str) -> None:
    lines = lines_of(form, ("one", {"reason": value}), ("two", {}))
    assert len(lines) == 2
    assert all(line.isascii() and line.isprintable() for line in lines)


def test_a_forged_line_stays_inside_its_quotes() -> None:
    forged = "x\n2026-01-01T00:00:00.000Z error sayso.test breach status=1"
    (line,) = lines_of("text", ("one", {"reason": forged}))
    assert line.endswith('reason="x\\n2026-01-01T00:00:00.000Z error sayso.test breach status=1"')


def test_long_values_are_cut() -> None:
    (line,) = lines_of("text", ("one", {"reason": "a" * 10_000}))
    assert len(line) < 400


def test_only_constants_and_declared_fields() -> None:
    log = EventLogger("test")
    prompt = f"Say {CANARY}"
    with pytest.raises(ValueError, match="constant"):
        log.info(prompt)
    with pytest.raises(ValueError, match="undeclared log field 'prompt'"):
        log.info("one", prompt=CANARY)  # type: ignore[call-arg]


def failure() -> BaseException:
    def wrap() -> None:
        try:
            int(CANARY)
        except ValueError as inner:
            raise KeyError(CANARY) from inner

    with pytest.raises(KeyError) as caught:
        wrap()
    return caught.value


def test_an_exception_shows_types_and_places_only() -> None:
    (line,) = lines_of("text", ("broken", {"error": failure()}))
    assert CANARY not in line
    assert "KeyError@test_logging.py:" in line
    assert ":failure" in line
    assert ";ValueError@" in line


def test_libraries_show_their_template_and_no_content() -> None:
    stream = io.StringIO()
    configure_logging("debug", "text", stream)
    library = logging.getLogger("some.library")
    library.debug("SELECT %s", CANARY)
    library.info("header %s", CANARY)
    library.warning("bad value %s", CANARY)
    library.error("Task failed\nfuture: ValueError('%s')", CANARY, exc_info=failure())
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(CANARY, stacklevel=1)
    text = stream.getvalue()
    assert CANARY not in text
    assert text.count("\n") == 3
    assert 'reason="bad value %s"' in text
    assert 'reason="Task failed"' in text
    assert "python_warning reason=UserWarning path=test_logging.py:" in text


def test_handlers_of_libraries_are_replaced() -> None:
    own = io.StringIO()
    library = logging.getLogger("uvicorn.error.test")
    library.addHandler(logging.StreamHandler(own))
    library.propagate = False
    stream = io.StringIO()
    configure_logging("info", "text", stream)
    library.error("Exception in application")
    assert own.getvalue() == ""
    assert "Exception in application" in stream.getvalue()


def test_plain_records_of_this_package_are_one_line() -> None:
    stream = io.StringIO()
    configure_logging("info", "text", stream)
    logging.getLogger("sayso.access").info(
        "%s %d\n%s", "GET", 200, "x", extra={"seconds": 2, "error": failure()}
    )
    assert stream.getvalue().count("\n") == 1
    assert 'sayso.access message reason="GET 200"' in stream.getvalue()
    assert "seconds=2" in stream.getvalue()
    assert "error=" in stream.getvalue()
    assert CANARY not in stream.getvalue()


def test_what_nobody_caught_shows_no_content() -> None:
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    error = failure()
    sys.excepthook(type(error), error, error.__traceback__)

    def broken() -> None:
        raise error

    thread = threading.Thread(target=broken)
    thread.start()
    thread.join()
    events = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert events == ["uncaught_exception", "uncaught_exception_in_thread"]
    assert CANARY not in stream.getvalue()


def test_the_level_is_the_packages_own() -> None:
    stream = io.StringIO()
    configure_logging("warning", "text", stream)
    log = EventLogger("test")
    log.info("unseen")
    log.warning("seen")
    assert stream.getvalue().count("\n") == 1
