"""A span for each request, where the gateway is observed by OpenTelemetry.

The job that a request orders is in its trace: spans of a gateway begin below the current one. A
client that sends a `traceparent` finds both in its own trace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..observability import OpenTelemetryObserver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._jobs._gateway import Gateway

FIRST_SERVER_ERROR = 500
TRACEPARENT = frozenset({b"traceparent", b"tracestate"})


def telemetry_of(gateway: Gateway) -> OpenTelemetryObserver | None:
    """Return the observer of a gateway that makes spans, where there is one."""
    every = (
        observer for observer in gateway.observers if isinstance(observer, OpenTelemetryObserver)
    )
    return next(every, None)


class Traces:
    """ASGI middleware that makes a span of each request."""

    def __init__(self, app: Any, telemetry: OpenTelemetryObserver) -> None:
        self._app = app
        self._tracer = telemetry.tracer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take a request into the trace that it belongs to."""
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        outer = trace.get_current_span().get_span_context()
        if scope["type"] != "http" or outer.is_valid:  # somebody else makes spans of requests
            await self._app(scope, receive, send)
            return

        context = TraceContextTextMapPropagator().extract(_carried(scope["headers"]))
        about = {"http.request.method": scope["method"], **_named(scope)}
        with self._tracer.start_as_current_span(
            scope["method"], context, kind=trace.SpanKind.SERVER, attributes=about
        ) as span:

            async def sending(message: Any) -> None:
                if message["type"] == "http.response.start":
                    status = message["status"]
                    span.set_attribute("http.response.status_code", status)
                    if status >= FIRST_SERVER_ERROR:
                        span.set_status(trace.StatusCode.ERROR)

                await send(message)

            try:
                await self._app(scope, receive, sending)
            finally:
                # The route as it is written, and not the path, which may hold a signature.
                route = getattr(scope.get("route"), "path", None)
                if route is not None:
                    span.update_name(f"{scope['method']} {route}")
                    span.set_attribute("http.route", route)


def _carried(headers: Any) -> Mapping[str, str]:
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in headers
        if name in TRACEPARENT
    }


def _named(scope: Any) -> Mapping[str, str]:
    request_id = scope.get("state", {}).get("request_id")
    return {} if request_id is None else {"tarash.request.id": request_id}
