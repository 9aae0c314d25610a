"""Reads what a result's first medium is by its bytes, whatever label it came with. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..media import sniff

if TYPE_CHECKING:
    from .._data._exchange import Response

LETTERS = 8192
"""So many letters of base64 hold what tells the type; a multiple of four."""


def true_type(response: Response) -> dict[str, Any]:
    """Return the field `content_type` where bytes are at hand that are of another type."""
    fields = vars(response)
    made = fields.get("images") or [fields.get("video")]
    head = _head(made[0])
    content_type = sniff(head) if head else None
    kind = "image/" if "images" in fields else "video/"
    if (
        content_type is None
        or not content_type.startswith(kind)
        or content_type == response.content_type
    ):
        return {}

    return {"content_type": content_type}


def _head(medium: Any) -> bytes:
    if isinstance(medium, Mapping):
        return bytes(medium["content"][:LETTERS])

    if not isinstance(medium, str) or ":" in medium[:LETTERS]:
        return b""  # a URL

    try:
        return base64.b64decode(medium[:LETTERS])
    except (ValueError, binascii.Error):
        return b""
