"""How much of what clients send may be in memory at a time, over all requests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ._refusals import Refusal

if TYPE_CHECKING:
    from fastapi import Request

HELD = "room"
"""The mark on a request of what it holds."""


class Room:
    """A number of bytes that requests share: who finds no place waits, and is refused in the end.

    A request holds what it has taken until it is answered.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._free = most
        self._seconds = seconds
        self._freed = asyncio.Condition()

    async def take(self, request: Request, size: int) -> None:
        """Wait until a request may have so many bytes in memory; what is larger has all of it.

        Raises:
            Refusal: Others have not been answered in time.
        """
        held = getattr(request.state, HELD, 0)
        wanted = min(size, self._most - held)
        try:
            async with asyncio.timeout(self._seconds), self._freed:
                await self._freed.wait_for(lambda: self._free >= wanted)
                self._free -= wanted
        except TimeoutError:
            raise Refusal(
                503,
                "busy",
                "The gateway has no room for media of this size now: others are being sent. Try "
                "again soon; nothing was made",
                headers={"x-should-retry": "true", "retry-after": "5"},
            ) from None

        setattr(request.state, HELD, held + wanted)

    async def free(self, scope: Any) -> None:
        """Give back what a request has held."""
        held = scope.get("state", {}).pop(HELD, 0)
        if held:
            async with self._freed:
                self._free += held
                self._freed.notify_all()


class Rooms:
    """ASGI middleware that gives back what a request has held, however it ends."""

    def __init__(self, app: Any, room: Room) -> None:
        self._app = app
        self._room = room

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        try:
            await self._app(scope, receive, send)
        finally:
            await asyncio.shield(self._room.free(scope))
