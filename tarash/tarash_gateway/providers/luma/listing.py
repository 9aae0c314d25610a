"""Reads the Dream Machine API's list of generations, and tells which of them a body asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from ..._http._client import HttpResponse, unreadable
from .._finding import MOST_PAGES, is_shown, is_since, once

PAGE = 100
FILLED_IN = frozenset(
    {"generation_type", "model", "aspect_ratio", "duration", "resolution", "format", "mode"}
)
"""What Luma shows of a request that did not say it."""


async def newest(
    get: Callable[[str], Awaitable[HttpResponse]], url: str, since: datetime
) -> list[dict[str, Any]]:
    """Return the newest generations, as far back as `since` or as a few pages reach.

    Args:
        get: Asks for a URL.
        url: That of the list.
        since: Nothing older is wanted.

    Raises:
        TarashException: The list can't be had, or can't be read.
    """
    found: list[dict[str, Any]] = []
    for _ in range(MOST_PAGES):
        answer = await get(f"{url}?limit={PAGE}&offset={len(found)}")
        page = answer.object()
        listed = page.get("generations")
        if not isinstance(listed, list):
            raise unreadable(answer.status, answer.body)

        found += [one for one in listed if isinstance(one, dict)]
        oldest = found[-1].get("created_at") if found else None
        if not page.get("has_more") or not is_since(oldest, since):
            break

    return once(found)


def is_same(generation: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Tell whether a listed generation is what a body asks for."""
    request = generation.get("request")
    if not isinstance(request, Mapping):
        return False

    shown = {**request, "model": generation.get("model") or request.get("model")}
    further = [name for name, value in shown.items() if value and name not in body]
    return is_shown(body, shown) and FILLED_IN.issuperset(further)
