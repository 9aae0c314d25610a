"""Reads the Dream Machine API's list of generations, and tells which of them a body asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .. import _finding as pages

if TYPE_CHECKING:
    from ..._http._client import HttpResponse

PAGE = 100
FILLED_IN = frozenset(
    {"generation_type", "model", "aspect_ratio", "duration", "resolution", "format", "mode"}
)
"""What Luma shows of a request that did not say it."""


async def newest(
    get: Callable[[str], Awaitable[HttpResponse]], url: str, since: datetime
) -> list[dict[str, Any]]:
    """Return the newest generations, as far back as `since` or as a few pages reach."""

    def following(page: Mapping[str, Any], generations: list[dict[str, Any]]) -> str | None:
        return f"{first}&offset={len(generations)}" if page.get("has_more") else None

    first = f"{url}?limit={PAGE}"
    start = f"{first}&offset=0"
    return await pages.newest(get, start, since, items="generations", following=following)


def is_same(generation: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Tell whether a listed generation is what a body asks for."""
    request = generation.get("request")
    if not isinstance(request, Mapping):
        return False

    shown = {**request, "model": generation.get("model") or request.get("model")}
    further = [name for name, value in shown.items() if value and name not in body]
    return pages.is_shown(body, shown) and FILLED_IN.issuperset(further)
