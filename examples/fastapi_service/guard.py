"""What stands between the service and whoever sends it things: limits, and answers without insides.

Nothing of it knows videos; take it along as it is.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

if TYPE_CHECKING:
    from fastapi import Request

LARGEST_BODY = 64 * 1024
"""Bytes. An order is a few kB; what is larger is refused before it is held in memory."""


class SmallBodies:
    """ASGI middleware that reads no more of a body than `LARGEST_BODY` bytes."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Refuse what says that it is too large; stop reading what turns out to be."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        refusal = JSONResponse({"detail": "This is too large"}, 413, {"Connection": "close"})
        told = dict(scope["headers"]).get(b"content-length", b"0")
        if not told.isdigit() or int(told) > LARGEST_BODY:
            await refusal(scope, receive, send)
            return

        # All of it is here before anything is done with it, so that an answer is still possible.
        messages: list[Any] = []
        size = 0
        while True:
            message = await receive()
            messages.append(message)
            size += len(message.get("body", b""))
            if size > LARGEST_BODY:
                await refusal(scope, receive, send)
                return

            if message["type"] != "http.request" or not message.get("more_body"):
                break

        async def again() -> Any:
            return messages.pop(0) if messages else await receive()

        await self._app(scope, again, send)


async def refuse_nonsense(_request: Request, error: Exception) -> JSONResponse:
    """Say which field is wrong, and why; never what was sent.

    What was sent may have no form in JSON: half an emoji, NaN. The framework's own answer repeats
    it, and would end as a 500.
    """
    found = error.errors() if isinstance(error, RequestValidationError) else []
    said = [
        {"field": ".".join(map(str, one["loc"][1:])), "problem": str(one["msg"])} for one in found
    ]
    # A field that is not known is named by the client, in whatever letters.
    text = [{name: _clean(value) for name, value in one.items()} for one in said]
    return JSONResponse({"detail": text}, 422)


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()[:200]


class Full(Exception):  # noqa: N818  (a state, and the client's to wait for)
    """There is no place for another order by now."""


class Places:
    """How many orders may be under way: by each client, and by all of them together."""

    def __init__(self, each: int, together: int) -> None:
        self._each = each
        self._together = together
        self._taken: Counter[str] = Counter()

    def take(self, client: str) -> None:
        """Take a place for a client.

        Raises:
            Full: All of its own are taken, or all that there are.
        """
        if self._taken[client] >= self._each or self._taken.total() >= self._together:
            raise Full

        self._taken[client] += 1

    def give_back(self, client: str) -> None:
        """Free one of a client's places."""
        self._taken[client] -= 1
        self._taken += Counter()  # those who hold none are forgotten
