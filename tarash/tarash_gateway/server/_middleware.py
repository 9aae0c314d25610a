"""What every request goes through: an id, a span, a line in the log, numbers, headers.

A span is made where the gateway is observed by OpenTelemetry. The job that a request orders is in
its trace: spans of a gateway begin below the current one. A client that sends a `traceparent` finds
both in its own trace. Numbers have names of routes only, no ids.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any

from ..observability import OpenTelemetryObserver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._jobs._gateway import Gateway

log = logging.getLogger("tarash.tarash_gateway.server.access")
ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
"""What a client may call its request; anything else is replaced."""
DOUBLE = re.compile(r"//+")
CLIENTS = ("/v1/", "/api/")
"""Where clients send requests to; other paths are as browsers have them."""
HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
}
"""Of answers that have none of their own."""
UNSTORED = (b"cache-control", b"no-store")
FAILED = 500
BOUNDS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0)
"""Seconds."""
MOST_ROWS = 2000
TEXT = "text/plain; version=0.0.4; charset=utf-8"
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
FIRST_SERVER_ERROR = 500
TRACEPARENT = frozenset({b"traceparent", b"tracestate"})


def _plain(path: str) -> str:
    """Return a path without the slashes too many that clients join it with.

    It is answered where it stands: a redirection would name this server as it sees itself, which
    behind a proxy that ends TLS is an address without it.
    """
    plain = "/" + path.lstrip("/")
    return DOUBLE.sub("/", plain).rstrip("/") if plain.startswith(CLIENTS) else plain


class Around:
    """ASGI middleware that is outside of everything else."""

    def __init__(self, app: Any, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take note of a request and of its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        root = scope.get("root_path", "")
        scope["path"] = root + _plain(scope["path"].removeprefix(root))
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        request_id = given if ID.fullmatch(given) else uuid.uuid4().hex.encode()
        scope.setdefault("state", {})["request_id"] = request_id.decode()
        begun = time.monotonic()
        status = FAILED

        async def sending(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _completed(message.get("headers", []), request_id)

            await send(message)

        self._metrics.begin()
        try:
            await self._app(scope, receive, sending)
        finally:
            seconds = time.monotonic() - begun
            # The route as it is written, and not the path, which may hold a signature.
            route = getattr(scope.get("route"), "path", "(none)")
            self._metrics.end(scope["method"], route, status, seconds)
            client = scope.get("client") or ("-", 0)
            log.info(
                "%s %s %s %d %.3fs %s",
                request_id.decode(),
                scope["method"],
                route,
                status,
                seconds,
                client[0],
            )


def _completed(headers: Any, request_id: bytes) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer with those that all have."""
    lowered = [(name.lower(), value) for name, value in headers]
    names = {name for name, _ in lowered}
    more = [(name, value) for name, value in HEADERS.items() if name not in names]
    stored = [] if UNSTORED[0] in names else [UNSTORED]
    return [*lowered, *more, *stored, (b"x-request-id", request_id)]


class Metrics:
    """Counts requests and their time."""

    def __init__(self) -> None:
        self._under_way = 0
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._buckets: Counter[tuple[str, float]] = Counter()
        self._seconds: dict[str, float] = {}
        self._counts: Counter[str] = Counter()

    def begin(self) -> None:
        """Count a request that has come."""
        self._under_way += 1

    def end(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count its answer."""
        self._under_way -= 1
        row = (method if method in METHODS else "other", route, status)
        if row not in self._requests and len(self._requests) >= MOST_ROWS:
            return

        self._requests[row] += 1
        self._counts[route] += 1
        self._seconds[route] = self._seconds.get(route, 0.0) + seconds
        for bound in BOUNDS:
            if seconds <= bound:
                self._buckets[route, bound] += 1

    def text(self, jobs: int) -> str:
        """Return all numbers.

        Args:
            jobs: How many jobs this process drives.
        """
        lines = [
            "# TYPE tarash_http_requests_total counter",
            *(
                f'tarash_http_requests_total{{method="{method}",route="{route}",status="{status}"}}'
                f" {count}"
                for (method, route, status), count in sorted(self._requests.items())
            ),
            "# TYPE tarash_http_request_seconds histogram",
        ]
        for route in sorted(self._counts):
            lines += [
                f'tarash_http_request_seconds_bucket{{route="{route}",le="{bound:g}"}} '
                f"{self._buckets[route, bound]}"
                for bound in BOUNDS
            ]
            whole = self._counts[route]
            lines += [
                f'tarash_http_request_seconds_bucket{{route="{route}",le="+Inf"}} {whole}',
                f'tarash_http_request_seconds_sum{{route="{route}"}} {self._seconds[route]:.6f}',
                f'tarash_http_request_seconds_count{{route="{route}"}} {whole}',
            ]

        lines += [
            "# TYPE tarash_http_requests_under_way gauge",
            f"tarash_http_requests_under_way {self._under_way}",
            "# TYPE tarash_jobs_driven gauge",
            f"tarash_jobs_driven {jobs}",
        ]
        return "\n".join(lines) + "\n"


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
