"""The page: a few files of ours, read once, and the headers that keep everything else out of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ._callers import FrontHere
from ._refusals import missing

if TYPE_CHECKING:
    from collections.abc import Mapping

router = APIRouter(include_in_schema=False)
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


@dataclass(frozen=True, slots=True)
class _PageFile:
    body: bytes
    kind: str
    tag: str


@cache
def parts() -> Mapping[str, _PageFile]:
    """Return the files of the page by name: only what is among them is ever served."""
    served = {}
    for one in (files(__package__ or "") / "page").iterdir():
        kind = TYPES.get(one.name.rpartition(".")[2])
        if kind is not None:
            body = one.read_bytes()
            tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            served[one.name] = _PageFile(body, kind, tag)

    return served


@router.get("/")
@router.head("/")
async def page(request: Request, front: FrontHere) -> Response:
    """Return the page."""
    return _served(request, START, is_on=front.settings.page)


@router.get("/page/{name}")
@router.head("/page/{name}")
async def part(name: str, request: Request, front: FrontHere) -> Response:
    """Return a file of the page."""
    return _served(request, name, is_on=front.settings.page)


def _served(request: Request, name: str, *, is_on: bool) -> Response:
    part = parts().get(name) if is_on else None
    if part is None:
        raise missing("page")

    headers = {**HEADERS, "etag": part.tag}
    if request.headers.get("if-none-match") == part.tag:
        return Response(None, 304, headers)

    return Response(part.body, 200, headers, part.kind)
