"""Ends connections that send nothing for too long: a client may be slow, but not for ever."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from ._refusals import Refusal

if TYPE_CHECKING:
    from asyncio import TimerHandle

HEAD_SECONDS = 10.0
"""How long the head of a request may take, from its connection or its first byte on."""
BODY_SECONDS = 20.0
"""How long a body may pause."""
LEAST_RATE = 1024
"""Bytes a second that a body has to come with, on the whole, after `GRACE_SECONDS`."""
GRACE_SECONDS = 60.0


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


class PatientBodies:
    """ASGI middleware that waits for a body only so long."""

    def __init__(self, app: Any, seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Refuse what does not come."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        loop = asyncio.get_running_loop()
        begun, read, ended = loop.time(), 0, False

        async def patient() -> Any:
            nonlocal read, ended
            if ended:  # from here on it is whether the client is still there
                return await receive()

            try:
                async with asyncio.timeout(self._seconds):
                    message = await receive()
            except TimeoutError:
                raise _late() from None

            read += len(message.get("body", b""))
            ended = message["type"] != "http.request" or not message.get("more_body")
            spent = loop.time() - begun
            if not ended and spent > GRACE_SECONDS and read < LEAST_RATE * spent:
                raise _late()

            return message

        await self._app(scope, patient, send)


def _late() -> Refusal:
    return Refusal(
        408,
        "body_too_slow",
        "The body came too slowly",
        headers={"connection": "close", "x-should-retry": "true"},
    )
