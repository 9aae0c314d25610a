"""Signing in to the page, and out: a key is exchanged for a cookie that scripts can't read."""

from __future__ import annotations

from math import ceil
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from .._version import __version__
from ._callers import FrontHere, check_pace, cookie_name, is_from_page, session_of, unknown_key
from ._documents import ERRORS
from ._front import Front
from ._refusals import NO_RETRY, Refusal
from ._sessions import Session

router = APIRouter(prefix="/api/session", tags=["Page"], responses=ERRORS)


class SignIn(BaseModel):
    """Who signs in.

    Attributes:
        key: The admin key, or one made with it.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    key: str = Field(min_length=1, max_length=300, examples=["tg_…"])


@router.get("")
async def show_session(request: Request, front: FrontHere) -> JSONResponse:
    """Show who has signed in, and what writes have to carry as `x-csrf-token`; needs no key."""
    session = await session_of(front, request)
    return JSONResponse(_shown(front, session))


@router.post("", status_code=201)
async def sign_in(request: Request, front: FrontHere, wanted: SignIn | None = None) -> JSONResponse:
    """Exchange a key for a session: an HttpOnly cookie of this origin."""
    if not is_from_page(front, request):
        raise Refusal(403, "foreign_origin", "Only the page signs in", headers=NO_RETRY)

    token = "" if wanted is None else wanted.key.strip()
    key = None if front.is_admin_key(token) else await front.keys.verify(token)
    if key is None and not front.is_admin_key(token):
        raise unknown_key(front, request)

    if key is not None:
        check_pace(front, key)

    made = await front.sessions.create(key)
    if made is None:
        raise unknown_key(front, request)

    session, cookie = made
    answer = JSONResponse(_shown(front, session), 201)
    answer.set_cookie(
        cookie_name(front, request),
        cookie,
        max_age=ceil(front.settings.session_seconds),
        httponly=True,
        samesite="strict",
        secure=front.is_secure(request),
        path="/",
    )
    return answer


@router.delete("")
async def sign_out(request: Request, front: FrontHere) -> JSONResponse:
    """End the session."""
    session = await session_of(front, request, is_write=True)
    if session is None:
        raise unknown_key(front, request)

    await front.sessions.end(session)
    answer = JSONResponse(_shown(front, None))
    answer.delete_cookie(
        cookie_name(front, request),
        httponly=True,
        samesite="strict",
        secure=front.is_secure(request),
        path="/",
    )
    return answer


def _shown(front: Front, session: Session | None) -> dict[str, Any]:
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
        "mock": front.settings.mock,
        "version": __version__,
    }
