"""Puts the application together: routes, errors, what starts and ends with it."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect

from .._jobs._gateway import Gateway
from .._version import __version__
from ..exceptions import StorageError, TarashException
from . import (
    _catalogue,
    _content,
    _events,
    _health,
    _images,
    _inbox,
    _jobs,
    _key_routes,
    _media,
    _page,
    _videos,
)
from ._app_state import AppState, app_state_of
from ._creating import is_known, orders
from ._forms import UNNAMED_JSON, check_query
from ._limits import Bodies, Rooms
from ._middleware import Around, Traces
from ._refusals import NO_RETRY, RETRY, Refusal, final, invalid, refusal_of
from ._schemas import with_examples, with_schemas
from ._words import rule_of

if TYPE_CHECKING:
    from ._settings import ServerSettings

log = logging.getLogger(__name__)
ADMIN_VARIABLE = "TARASH_ADMIN_KEY"
GRACE = 5.0
EXPOSED = ("openai-poll-after-ms", "x-request-id", "x-should-retry", "x-tarash-cost")
ROUTERS = (
    _health,
    _videos,
    _content,
    _images,
    _jobs,
    _events,
    _inbox,
    _media,
    _catalogue,
    _key_routes,
    _page,
)
ORDERED = (
    ". What this request orders may be written down all the same, and be made: see the list of "
    "jobs before you send it again, and give it an Idempotency-Key"
)
"""Said where the ledger failed in the middle of a request that may buy."""
UNREADABLE: dict[str, Any] = {"type": "unreadable", "loc": (), "msg": "it can't be read"}
LEFT = 499
"""As proxies note it of requests whose client is gone."""
CODES = {404: "not_found", 405: "method_not_allowed"}
SAID = {
    404: "There is nothing at this address: OpenAI's routes for videos, images and models are "
    "below /v1 (base_url ends in /v1, once), and /openapi.json lists all routes",
    405: "This address does not take this method; /openapi.json lists all routes",
}


class _Application(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """Return the description of all routes, with the schema and an example of each answer."""
        if self.openapi_schema is None:
            self.openapi_schema = with_examples(with_schemas(super().openapi()))

        return self.openapi_schema


def make_app(gateway: Gateway | None, settings: ServerSettings, admin_key: str | None) -> FastAPI:
    """Return the application; as `create_app`."""
    is_own = gateway is None
    made = Gateway(untrusted_requests=True) if gateway is None else gateway
    key = admin_key or os.environ.get(ADMIN_VARIABLE) or None
    app_state = AppState(made, settings, key)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.app_state = app_state
        app_state.result_folder.prepare()
        app_state.drivers.start()
        hooks = (
            None if app_state.webhooks is None else asyncio.create_task(app_state.webhooks.run())
        )
        yield
        await app_state.inbox.aclose()
        await app_state.drivers.aclose()
        if hooks is not None:
            hooks.cancel()
            await asyncio.gather(hooks, return_exceptions=True)

        await made.aclose(GRACE if is_own else None)

    app = _Application(
        title="Tarash Gateway",
        version=__version__,
        summary="Videos and images from any provider, by OpenAI's routes and our own.",
        lifespan=lifespan,
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.app_state = app_state
    app.add_middleware(Rooms, rooms=(app_state.room, app_state.disk))
    app.add_middleware(Bodies, settings=settings)
    if settings.cors.origins:
        _admit(app, settings.cors.origins)

    if app_state.telemetry is not None:
        app.add_middleware(Traces, telemetry=app_state.telemetry)

    app.add_middleware(Around, metrics=app_state.metrics)
    for module in ROUTERS:
        app.include_router(module.router, dependencies=[Depends(check_query)])

    _answer_heads(app)
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)

    return app


def _admit(app: FastAPI, origins: Sequence[str]) -> None:
    """Let pages of other origins call the server."""
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["DELETE", "GET", "HEAD", "POST"],
        allow_headers=["*"],
        expose_headers=EXPOSED,
    )


def _answer_heads(app: FastAPI) -> None:
    """Answer HEAD wherever GET is answered, but for streams: monitors and balancers ask so."""
    routes = [route for module in ROUTERS for route in module.router.routes]
    for route in routes:
        is_read = isinstance(route, APIRoute) and "GET" in (route.methods or ())
        if is_read and route.response_class is not StreamingResponse:
            app.add_api_route(
                route.path,
                route.endpoint,
                methods=["HEAD"],
                include_in_schema=False,
                response_model=None,
                response_class=route.response_class,
            )


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)  # noqa: S101  (it is registered for these)
    if error.unknown_name is not None:
        app_state = app_state_of(request)
        usable = _catalogue.usable_of(app_state)
        error.suggest(await app_state.models.meant(error.unknown_name, usable))

    return error.answer()


async def _failed(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TarashException)  # noqa: S101  (as above)
    refusal = refusal_of(error)
    if isinstance(error, StorageError) and orders(request):
        if is_known(request):
            refusal.headers |= RETRY
        else:
            refusal.headers |= NO_RETRY
            refusal.message += ORDERED

    if refusal.param == "image" and request.url.path.startswith("/v1/videos"):
        refusal.param = "input_reference"  # which the images of a video are called there

    return refusal.answer()


async def _nonsense(_request: Request, error: Exception) -> JSONResponse:
    """Say which field is wrong, and why; never what was sent."""
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    sent = getattr(error, "body", None)  # as bytes where no header said that it is JSON
    if isinstance(sent, bytes) and sent.lstrip().startswith(b"{"):
        return invalid(UNNAMED_JSON).answer()

    first: dict[str, Any] = dict(problems[0]) if problems else UNREADABLE
    path = ".".join(map(str, first["loc"][1:]))[:100]
    sentence = rule_of(first)
    return invalid(f"{path}: {sentence}" if path else sentence, path or None).answer()


async def _framework(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  (as above)
    code = CODES.get(error.status_code, "invalid_request")
    sentence = SAID.get(error.status_code, str(error.detail))
    return Refusal(
        error.status_code, code, sentence, headers={**(error.headers or {}), **NO_RETRY}
    ).answer()


async def _left(_request: Request, _error: Exception) -> JSONResponse:
    """Answer nobody: whoever sent a part of a body is gone, and nothing was made."""
    return Refusal(LEFT, "client_left", "The client left before its body had come").answer()


async def _unforeseen(_request: Request, error: Exception) -> JSONResponse:
    """Say nothing of our insides; something may have been bought, so that nobody tries again."""
    log.error("A request failed", exc_info=error)
    return final(500, "internal", "The gateway failed; its log says why").answer()


HANDLERS: dict[Any, Any] = {
    Refusal: _refused,
    TarashException: _failed,
    RequestValidationError: _nonsense,
    HTTPException: _framework,
    ClientDisconnect: _left,
    Exception: _unforeseen,
}
