"""Reads the list of videos of OpenAI's wire, and tells which of them a payload asked for."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from .._http._client import HttpResponse, unreadable
from ._finding import MOST_PAGES, is_since, once

if TYPE_CHECKING:
    from .._data._exchange import Payload

PAGE = 100
REMIX = re.compile(r"(?:^|/)videos/(?P<source>[^/]+)/remix(?:$|\?)")
SOURCE = "remixed_from_video_id"
COMPARED = ("model", "prompt", "seconds", "size")
DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")


async def newest(
    get: Callable[[str], Awaitable[HttpResponse]], path: str, since: datetime
) -> list[dict[str, Any]]:
    """Return the newest videos, as far back as `since` or as a few pages reach.

    Args:
        get: Asks for a path.
        path: That of the list.
        since: Nothing older is wanted.

    Raises:
        TarashException: The list can't be had, or can't be read.
    """
    found: list[dict[str, Any]] = []
    separator = "&" if "?" in path else "?"
    for _ in range(MOST_PAGES):
        after = f"&after={quote(str(found[-1]['id']), safe='')}" if found else ""
        answer = await get(f"{path}{separator}limit={PAGE}&order=desc{after}")
        page = answer.object()
        listed = page.get("data")
        if not isinstance(listed, list):
            raise unreadable(answer.status, answer.body)

        more = [one for one in listed if isinstance(one, dict) and one.get("id")]
        found += more
        if not page.get("has_more") or not more or not is_since(more[-1].get("created_at"), since):
            break

    return once(found)


def is_same(video: Mapping[str, Any], payload: Payload) -> bool:
    """Tell whether a listed video is what a payload asks for, as far as its object shows it."""
    body = payload.body
    remix = REMIX.search(payload.path)
    source = unquote(remix["source"]) if remix else None
    if SOURCE in video and "video" not in body and (video[SOURCE] or None) != source:
        return False

    asked = {name: body[name] for name in COMPARED if name in body}
    shown = {name: video[name] for name in asked if video.get(name) is not None}
    if "prompt" in asked and "prompt" not in shown:
        return False  # another's request to the same model would show no less

    return bool(shown) and all(_bare(one) == _bare(asked[name]) for name, one in shown.items())


def _bare(value: Any) -> str:
    """Return a value as text; a model's id without the date of its snapshot."""
    return DATED.sub("", str(value))
