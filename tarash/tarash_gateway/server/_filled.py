"""Puts what a key has uploaded into its requests, as far as there is room for it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ._uploads import with_uploads

if TYPE_CHECKING:
    from fastapi import Request

    from ._front import Front


async def filled(
    request: Request, front: Front, owner: str, fields: dict[str, Any]
) -> dict[str, Any]:
    """Return a request's fields with what its key has brought; as `with_uploads`."""
    return await with_uploads(front.uploads, owner, fields, partial(front.room.take, request))
