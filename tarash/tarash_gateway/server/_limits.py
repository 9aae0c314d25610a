"""What clients may take: bytes and time of a body, room in memory and on the disk, and requests.

A form comes to the disk first, and waits there for its turn: only what is being sent is in memory.
Requests a minute are counted in this process only: each of several servers counts by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from .._jobs._inbox import LARGEST_BODY
from ._refusals import NO_RETRY, Refusal

if TYPE_CHECKING:
    from fastapi import Request

    from ._settings import ServerSettings

INBOX = "/webhooks/"
CLOSE = {"connection": "close", **NO_RETRY}
COPIES = 4
"""How often media are in memory, at most, while they are sent: their bytes, and, for providers that
take JSON, the text that stands for them, which is there twice while it is put together."""
LEAST_RATE = 1024
"""Bytes a second that a body has to come with, on the whole, after `GRACE_SECONDS`."""
GRACE_SECONDS = 60.0
MOST_NAMES = 10_000
"""Names that are remembered; the one that was away for longest makes room."""
MINUTE = 60.0


class Bodies:
    """ASGI middleware that ends a body that is larger than it may be, or comes too slowly."""

    def __init__(self, app: Any, settings: ServerSettings) -> None:
        self._app = app
        self._json = settings.json_bytes
        self._form = settings.multipart_bytes
        self._seconds = settings.body_seconds

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Refuse what says that it is too large; stop reading what turns out to be, or stops."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        headers = dict(scope["headers"])
        most = self._most(scope, headers)
        refusal = _refused(headers, most)
        if refusal is not None:
            await refusal.answer()(scope, receive, send)
            return

        await self._app(scope, self._bounded(receive, most), send)

    def _most(self, scope: Any, headers: dict[bytes, bytes]) -> int:
        """Return how many bytes a request's body may have."""
        is_form = headers.get(b"content-type", b"").lower().startswith(b"multipart/form-data")
        most = self._form if is_form else self._json
        if scope["path"].removeprefix(scope.get("root_path", "")).startswith(INBOX):
            return max(most, LARGEST_BODY)  # each provider has its own idea of a webhook

        return most

    def _bounded(self, receive: Any, most: int) -> Any:
        """Return what receives a body, and waits for it only so long."""
        loop = asyncio.get_running_loop()
        begun, read, ended = loop.time(), 0, False

        async def bounded() -> Any:
            nonlocal read, ended
            if ended:  # from here on it is whether the client is still there
                return await receive()

            try:
                async with asyncio.timeout(self._seconds):
                    message = await receive()
            except TimeoutError:
                raise _late() from None

            read += len(message.get("body", b""))
            if read > most:
                raise _too_large(most)

            ended = message["type"] != "http.request" or not message.get("more_body")
            spent = loop.time() - begun
            if not ended and spent > GRACE_SECONDS and read < LEAST_RATE * spent:
                raise _late()

            return message

        return bounded


def _refused(headers: dict[bytes, bytes], most: int) -> Refusal | None:
    """Return the answer to a body that is not read at all; None where it is."""
    if b"transfer-encoding" in headers and b"content-length" in headers:
        # A front may have read it by the other of the two: what follows is somebody else's.
        message = "A body has a Content-Length or a Transfer-Encoding, and not both"
        return Refusal(400, "invalid_request", message, headers=CLOSE)

    length = headers.get(b"content-length", b"0")
    return _too_large(most) if not length.isdigit() or int(length) > most else None


def _too_large(most: int) -> Refusal:
    return Refusal(413, "body_too_large", f"The body may have {most} bytes at most", headers=CLOSE)


def _late() -> Refusal:
    return Refusal(
        408,
        "body_too_slow",
        "The body came too slowly",
        headers={"connection": "close", "x-should-retry": "true"},
    )


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


class TokenBuckets:
    """Counts by name."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, per_minute: int | None) -> float | None:
        """Take one of a name's share.

        Args:
            name: Whose.
            per_minute: How many it may have a minute; None for any number.

        Returns:
            None; or how many seconds to wait, where all of it is taken.
        """
        if per_minute is None:
            return None

        now = time.monotonic()
        left, since = self._left.pop(name, (float(per_minute), now))
        left = min(float(per_minute), left + (now - since) * per_minute / MINUTE)
        enough = left >= 1
        self._left[name] = (left - 1 if enough else left, now)
        if len(self._left) > MOST_NAMES:
            self._left.popitem(last=False)

        return None if enough else (1 - left) * MINUTE / per_minute
