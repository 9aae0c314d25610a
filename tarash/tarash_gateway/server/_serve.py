"""Runs the application by uvicorn, until somebody stops it.

Connections that send no head are ended: a client may be slow, but not for ever.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from asyncio import TimerHandle

    from fastapi import FastAPI

BACKLOG = 2048
KEEP_ALIVE_SECONDS = 30
SHUTDOWN_SECONDS = 5
HEAD_SECONDS = 10.0
"""How long the head of a request may take, from its connection or its first byte on."""


class PatientProtocol(H11Protocol):
    """uvicorn's protocol, with a limit for heads that never end."""

    head_seconds = HEAD_SECONDS
    _timer: TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Wait for a head."""
        super().connection_made(transport)
        self._arm()

    def data_received(self, data: bytes) -> None:
        """Go on waiting, unless the head is there."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._disarm()
        elif self._timer is None and not self.transport.is_closing():
            self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._disarm()
        super().connection_lost(exc)

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self.head_seconds, self._too_slow)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens already: who connects from now on is served.

    Raises:
        OSError: It can't be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(BACKLOG)
    except OSError:
        made.close()
        raise

    return made


def server_of(app: FastAPI, *, head_seconds: float = HEAD_SECONDS) -> uvicorn.Server:
    """Return what serves the application.

    Args:
        app: The application.
        head_seconds: How long the head of a request may take.
    """
    protocol = type("Protocol", (PatientProtocol,), {"head_seconds": head_seconds})
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http=protocol,
        # There are none here, and whatever a library makes of one has no limits of ours.
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        # Whoever calls from this machine is not believed what it says of its address.
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    return uvicorn.Server(config)


def run(app: FastAPI, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; jobs under way are left running, and written down."""
    # It raises what it has caught again at its end: that was asked for, and is no failure.
    before = {
        number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        server_of(app).run(sockets=[listener])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
