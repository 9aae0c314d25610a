"""Which models the Gemini API lists. It names no last day: what ships says when a model ends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from ..._support._secrets import AuthHeaders, Key
from ...catalog import Get
from ...exceptions import HTTPError
from ._places import GEMINI_API

VARIABLES = ()
KEYS = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
MEDIA = re.compile(r"image|veo|omni|banana", re.IGNORECASE)
PAGE = "1000"
MOST_PAGES = 20


def authorize(key: Key) -> AuthHeaders:
    """Return the header of a key."""
    return AuthHeaders({"x-goog-api-key": key.reveal()})


async def read_dates(get: Get, base_url: str | None) -> Mapping[str, date | None]:
    """Return the ids of all listed models of images and videos, each without a last day.

    Raises:
        HTTPError: There is no list of models.
    """
    place = f"{base_url or GEMINI_API}/v1beta/models"
    found: dict[str, date | None] = {}
    token = ""
    for _ in range(MOST_PAGES):
        page = await get(place, {"pageSize": PAGE, **({"pageToken": token} if token else {})})
        rows = page.get("models") if isinstance(page, Mapping) else None
        if not isinstance(rows, list):
            raise HTTPError(
                f"{place} has no list of models (HTTP 404, or JSON of another shape); check "
                "base_url",
                status_code=404 if page is None else None,
            )

        found |= {name: None for name in map(_name, rows) if MEDIA.search(name)}
        token = page.get("nextPageToken")
        if not isinstance(token, str) or not token:
            break

    return found


def _name(row: Any) -> str:
    name = row.get("name") if isinstance(row, Mapping) else None
    return name.removeprefix("models/") if isinstance(name, str) else ""
