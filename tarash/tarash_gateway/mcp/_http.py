"""The tools for agents on the server: by streamable HTTP, each call with a key of the server's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request

from ..server._app_state import app_state_of
from ..server._authorization import Caller, bearer, caller_of, origin_parts
from ..server._refusals import Refusal, final
from ._server import Here, server_of
from ._tool_service import ToolService

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from ..server._app_state import AppState

PLACE = "tarash.caller"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Where pages of this machine's own are served from, such as an inspector of tools."""


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
            _check_origin(request, app_state_of(request))
            scope[PLACE] = await caller_of(request, await bearer(request))
        except Refusal as refusal:
            await refusal.answer()(scope, receive, send)
            return

        await self._inner(scope, receive, send)


def _check_origin(request: Request, app_state: AppState) -> None:
    """Let agents in that are no page, and pages whose origins whoever runs the gateway knows.

    A page whose name was led to this machine says the same name as origin and as host, so that its
    host proves nothing.

    Raises:
        Refusal: It is a page of somebody else's.
    """
    origin = request.headers.get("origin")
    if origin is None:
        return

    settings = app_state.settings
    page = origin_parts(origin)
    public = urlsplit(settings.public_url or "")
    is_own = bool(page.netloc) and page[:2] == public[:2]  # what is no address has no place
    is_known = origin in settings.cors.origins or is_own
    if not is_known and page.hostname not in LOOPBACK:
        raise final(
            403,
            "foreign_origin",
            f"A page of {origin[:200]} may not use these tools: whoever runs the gateway can allow "
            "its origin, under [cors] origins or by public_url",
        )


def mount(app: FastAPI, path: str, *, allow_unpriced: bool) -> None:
    """Add the tools to a server's application; as `mount_mcp`."""
    app_state: AppState = app.state.app_state

    def tools_of(context: Here) -> ToolService:
        request: Any = context.request_context.request
        caller: Caller = request.scope[PLACE]
        return ToolService(app_state, caller, allow_unpriced=allow_unpriced)

    server = server_of(tools_of)
    # Each call stands by itself: any of several servers can answer it. Origins are looked at above,
    # and hosts are whatever the proxies in front say.
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
