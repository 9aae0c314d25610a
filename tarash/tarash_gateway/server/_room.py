"""How much of what clients send may be in memory, and on the disk, at a time, over all requests.

A form comes to the disk first, and waits there for its turn: only what is being sent is in memory.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ._refusals import Refusal

if TYPE_CHECKING:
    from fastapi import Request

COPIES = 4
"""How often media are in memory, at most, while they are sent: their bytes, and, for providers that
take JSON, the text that stands for them, which is there twice while it is put together."""


class Room:
    """A number of bytes that requests share: who finds no place waits, and is refused in the end.

    A request holds what it has taken until it is answered, and until its job lets go of it.
    """

    def __init__(self, most: int, seconds: float, name: str = "memory", copies: int = 1) -> None:
        self._most = most
        self._free = most
        self._seconds = seconds
        self._mark = f"room_{name}"
        self._copies = copies
        self._freed = asyncio.Condition()
        self._kept: set[asyncio.Task[None]] = set()

    async def take(self, request: Request, size: int) -> None:
        """Wait until a request may have so many bytes there; what is larger has all of it.

        Raises:
            Refusal: Others have not been answered in time.
        """
        held = getattr(request.state, self._mark, 0)
        wanted = min(size * self._copies, self._most - held)
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

        setattr(request.state, self._mark, held + wanted)

    async def free(self, scope: Any) -> None:
        """Give back what a request has held."""
        await self._give(scope.get("state", {}).pop(self._mark, 0))

    async def _give(self, held: int) -> None:
        if held:
            async with self._freed:
                self._free += held
                self._freed.notify_all()

    def keep_until(self, scope: Any, event: asyncio.Event) -> None:
        """Hold what a request has taken until something has happened, also after its answer."""
        held = scope.get("state", {}).pop(self._mark, 0)
        if not held:
            return

        async def waiting() -> None:
            try:
                await event.wait()
            finally:
                await asyncio.shield(self._give(held))

        task = asyncio.create_task(waiting())
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)


class Rooms:
    """ASGI middleware that gives back what a request has held, however it ends."""

    def __init__(self, app: Any, rooms: tuple[Room, ...]) -> None:
        self._app = app
        self._rooms = rooms

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        try:
            await self._app(scope, receive, send)
        finally:
            for room in self._rooms:
                await asyncio.shield(room.free(scope))
