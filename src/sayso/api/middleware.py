"""The outermost layer: a request id, OpenAI's headers, one log line, one count, and no fault unanswered.

Plain ASGI, so that a stream's chunks pass through one function call and nothing is buffered.
"""

from time import perf_counter
from typing import TypedDict

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sayso.api.context import SCOPE_KEY, RequestContext
from sayso.api.deprecation_headers import deprecation_headers
from sayso.api.disconnect import ClientDisconnected
from sayso.api.errors import Draining, WireError, internal_error, to_wire
from sayso.api.rate_limit_headers import state_headers
from sayso.api.services import Health, HttpMetrics
from sayso.core.rate_limits import UNLIMITED
from sayso.ids import new_request_id
from sayso.inference.metering import UsageLedger
from sayso.telemetry.logging import EventLogger

access_log = EventLogger("access")
fault_log = EventLogger("faults")

CLIENT_CLOSED = 499  # never sent: how the log calls an answer that lost its reader
INSTANCE_HEADER = "x-sayso-instance"  # the dedicated instance that answers
SPILLED_HEADER = "x-sayso-spilled"  # `true` where it had no room, and the shared pool answers at its price
OPENAI_VERSION = "2020-10-01"


class InstanceField(TypedDict, total=False):
    """What a line of the log says of requests that an instance serves."""

    instance_id: str


class RequestFrame:
    """Surrounds every HTTP request; the rest of the application finds its `RequestContext` in the scope."""

    def __init__(self, app: ASGIApp, ledger: UsageLedger, health: Health, metrics: HttpMetrics) -> None:
        self._app = app
        self._ledger = ledger
        self._health = health
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context = RequestContext(new_request_id(), perf_counter())
        scope[SCOPE_KEY] = context

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                context.status = message["status"]
                _stamp(MutableHeaders(scope=message), context)
            elif not message.get("more_body"):
                # Just before: an answer that a client has is never credited.
                self._ledger.sent(context.request_id)
            await send(message)

        try:
            if self._health.draining and scope["path"].startswith("/v1/"):
                await to_wire(Draining()).response()(scope, receive, stamped)
            else:
                await self._app(scope, receive, stamped)
        except ClientDisconnected:
            context.status = CLIENT_CLOSED
        except Exception as fault:  # noqa: BLE001 - the one place where a fault becomes an answer
            await _answer_fault(fault, context, scope, receive, stamped)
        finally:
            self._ledger.sent(context.request_id)  # or it never will be
            self._record(scope, context)

    def _record(self, scope: Scope, context: RequestContext) -> None:
        seconds = perf_counter() - context.started
        # An unmatched path may hold anything, so it is neither logged nor counted under its own name.
        route = getattr(scope.get("route"), "path", "unmatched")
        status = context.status or CLIENT_CLOSED
        self._metrics.observe_request(scope["method"], route, status, seconds)
        access_log.info(
            "request",
            method=scope["method"],
            route=route,
            status=status,
            seconds=round(seconds, 4),
            request_id=context.request_id,
            key_id=context.key_id or "-",
            **_instance(context),
        )


def _instance(context: RequestContext) -> InstanceField:
    return {"instance_id": context.instance} if context.instance else {}


def _stamp(headers: MutableHeaders, context: RequestContext) -> None:
    headers["x-request-id"] = context.request_id
    headers["openai-version"] = OPENAI_VERSION
    headers["openai-processing-ms"] = str(int((perf_counter() - context.started) * 1000))
    headers["access-control-expose-headers"] = "X-Request-ID"
    if context.organization is not None:
        headers["openai-organization"] = context.organization
    if context.rate_limits is not UNLIMITED:
        headers.update(state_headers(context.rate_limits))
    if context.instance is not None:
        headers[INSTANCE_HEADER] = context.instance
    if context.spilled:
        headers[SPILLED_HEADER] = "true"
    if context.deprecation is not None:
        headers.update(deprecation_headers(context.deprecation))


async def _answer_fault(
    fault: Exception, context: RequestContext, scope: Scope, receive: Receive, send: Send
) -> None:
    """Log where `fault` arose (the log shows no messages of exceptions); answer if that can still be."""
    fault_log.error("fault", request_id=context.request_id, error=fault)
    if context.status:
        # The status has left: cutting the connection is all that tells the client.
        raise ConnectionError("the response was broken off") from None
    wire: WireError = internal_error()
    await wire.response()(scope, receive, send)
