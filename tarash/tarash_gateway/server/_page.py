"""The page: a few files of ours, read once, and the headers that keep everything else out of it.

Whoever signs in to it exchanges a key for a cookie that scripts can't read.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import ceil
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from .._version import __version__
from ._app_state import AppState
from ._authorization import (
    FrontHere,
    check_pace,
    cookie_name,
    is_from_page,
    session_of,
    unknown_key,
)
from ._openapi_docs import ERRORS
from ._refusals import final, missing
from ._sessions import Session

if TYPE_CHECKING:
    from collections.abc import Mapping

router = APIRouter()
TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
DIRECTIVES = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    "media-src 'self' blob:",
    "connect-src 'self'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    # No script of ours makes markup out of text, and the browser sees to it.
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)
HEADERS = {
    "content-security-policy": "; ".join(DIRECTIVES),
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    # Asked for again each time, and answered by a 304 where nothing has changed.
    "cache-control": "no-cache",
}
START = "index.html"
SESSION: dict[str, Any] = {"tags": ["Page"], "responses": ERRORS}
"""What the document says of the routes for a session."""


@dataclass(frozen=True, slots=True)
class _PageFile:
    body: bytes
    kind: str
    tag: str


@cache
def parts() -> Mapping[str, _PageFile]:
    """Return the files of the page by name: only what is among them is ever served."""
    served = {}
    for file in (files(__package__ or "") / "page").iterdir():
        kind = TYPES.get(file.name.rpartition(".")[2])
        if kind is not None:
            body = file.read_bytes()
            tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            served[file.name] = _PageFile(body, kind, tag)

    return served


@router.get("/", include_in_schema=False)
async def page(request: Request, app_state: FrontHere) -> Response:
    """Return the page."""
    return _served(request, START, is_on=app_state.settings.page)


@router.get("/page/{name}", include_in_schema=False)
async def part(name: str, request: Request, app_state: FrontHere) -> Response:
    """Return a file of the page."""
    return _served(request, name, is_on=app_state.settings.page)


def _served(request: Request, name: str, *, is_on: bool) -> Response:
    part = parts().get(name) if is_on else None
    if part is None:
        raise missing("page")

    headers = {**HEADERS, "etag": part.tag}
    if request.headers.get("if-none-match") == part.tag:
        return Response(None, 304, headers)

    return Response(part.body, 200, headers, part.kind)


class SignIn(BaseModel):
    """Who signs in.

    Attributes:
        key: The admin key, or one made with it.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    key: str = Field(min_length=1, max_length=300, examples=["tg_…"])


@router.get("/api/session", **SESSION)
async def show_session(request: Request, app_state: FrontHere) -> JSONResponse:
    """Show who has signed in, and what writes have to carry as `x-csrf-token`; needs no key."""
    session = await session_of(app_state, request)
    return JSONResponse(_shown(app_state, session))


@router.post("/api/session", status_code=201, **SESSION)
async def sign_in(
    request: Request, app_state: FrontHere, wanted: SignIn | None = None
) -> JSONResponse:
    """Exchange a key for a session: an HttpOnly cookie of this origin."""
    if not is_from_page(app_state, request):
        raise final(403, "foreign_origin", "Only the page signs in")

    token = "" if wanted is None else wanted.key.strip()
    key = None if app_state.is_admin_key(token) else await app_state.keys.verify(token)
    if key is None and not app_state.is_admin_key(token):
        raise unknown_key(app_state, request)

    if key is not None:
        check_pace(app_state, key)

    made = await app_state.sessions.create(key)
    if made is None:
        raise unknown_key(app_state, request)

    session, cookie = made
    answer = JSONResponse(_shown(app_state, session), 201)
    seconds = ceil(app_state.settings.session_seconds)
    answer.set_cookie(**_cookie(app_state, request), value=cookie, max_age=seconds)
    return answer


@router.delete("/api/session", **SESSION)
async def sign_out(request: Request, app_state: FrontHere) -> JSONResponse:
    """End the session."""
    session = await session_of(app_state, request, is_write=True)
    if session is None:
        raise unknown_key(app_state, request)

    await app_state.sessions.end(session)
    answer = JSONResponse(_shown(app_state, None))
    answer.delete_cookie(**_cookie(app_state, request))
    return answer


def _cookie(app_state: AppState, request: Request) -> dict[str, Any]:
    """Return how the session's cookie is called, and who gets it."""
    return {
        "key": cookie_name(app_state, request),
        "httponly": True,
        "samesite": "strict",
        "secure": app_state.is_secure(request),
        "path": "/",
    }


def _shown(app_state: AppState, session: Session | None) -> dict[str, Any]:
    """Return what the page knows of itself; what is behind a key only for who has signed in."""
    if session is None:
        return {"object": "session", "signed_in": False}

    key = session.key
    return {
        "object": "session",
        "signed_in": True,
        "is_admin": key is None,
        "name": "admin" if key is None else key.name,
        "key": None if key is None else key.model_dump(mode="json"),
        "csrf": session.csrf,
        "expires_at": session.expires_at.isoformat(),
        "mock": app_state.settings.mock,
        "version": __version__,
    }
