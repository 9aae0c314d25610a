"""The tools for agents on the server: by streamable HTTP, each call with a key of the server's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request

from ..server._callers import Caller, bearer, caller_of
from ..server._refusals import Refusal
from ._desk import Desk
from ._server import Here, server_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from ..server._front import Front

PLACE = "tarash.caller"


class Guarded:
    """Lets requests with a good key through to the tools."""

    def __init__(self, inner: ASGIApp, app: FastAPI) -> None:
        self._inner = inner
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return

        request = Request({**scope, "app": self._app})
        try:
            scope[PLACE] = await caller_of(request, await bearer(request))
        except Refusal as refusal:
            await refusal.answer()(scope, receive, send)
            return

        await self._inner(scope, receive, send)


def mount(app: FastAPI, path: str, *, allow_unpriced: bool) -> None:
    """Add the tools to a server's application; as `mount_mcp`."""
    front: Front = app.state.front

    def desk_of(context: Here) -> Desk:
        request: Any = context.request_context.request
        caller: Caller = request.scope[PLACE]
        return Desk(front, caller, allow_unpriced=allow_unpriced)

    server = server_of(desk_of)
    # Each call stands by itself: any of several servers can answer it. Hosts and origins are not
    # looked at, since a page of somebody else's has no key.
    inner = server.streamable_http_app(
        streamable_http_path="/",
        stateless_http=True,
        json_response=False,
        host="0.0.0.0",  # noqa: S104  (nothing is bound to it)
    )
    app.mount(path, Guarded(inner, app))
    before = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(started: FastAPI) -> AsyncIterator[Any]:
        async with before(started) as state, server.session_manager.run():
            yield state

    app.router.lifespan_context = lifespan
