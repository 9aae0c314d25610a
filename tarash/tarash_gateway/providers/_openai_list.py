"""Reads the list of videos of OpenAI's wire, and tells which of them a payload asked for."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from . import _finding as pages

if TYPE_CHECKING:
    from .._data._exchange import Payload
    from .._http._client import HttpResponse

PAGE = 100
REMIX = re.compile(r"(?:^|/)videos/(?P<source>[^/]+)/remix(?:$|\?)")
SOURCE = "remixed_from_video_id"
COMPARED = ("model", "prompt", "seconds", "size")
DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")


async def newest(
    get: Callable[[str], Awaitable[HttpResponse]], path: str, since: datetime
) -> list[dict[str, Any]]:
    """Return the newest videos, as far back as `since` or as a few pages reach."""

    def following(page: Mapping[str, Any], videos: list[dict[str, Any]]) -> str | None:
        if not (page.get("has_more") and page["data"] and videos):
            return None

        return page_of(path, str(videos[-1]["id"]))

    return await pages.newest(get, page_of(path, None), since, items="data", following=following)


def page_of(path: str, after: str | None) -> str:
    """Return where the page of the list is that follows a video, or the first."""
    first = f"{path}{'&' if '?' in path else '?'}limit={PAGE}&order=desc"
    return first if after is None else f"{first}&after={quote(after, safe='')}"


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

    return bool(shown) and all(_bare(value) == _bare(asked[name]) for name, value in shown.items())


def _bare(value: Any) -> str:
    """Return a value as text; a model's id without the date of its snapshot."""
    return DATED.sub("", str(value))
