"""What every request goes through: an id, a line in the log, numbers, headers for browsers."""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._metrics import Metrics

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
