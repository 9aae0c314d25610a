"""What fal's pricing API publishes: the price of one unit of each endpoint.

That is not the price of a request: how many units it takes depends on its parameters (Kling 3 takes
0.8, 1.2 or 1.4 of them for each second). So these lines only turn units into money that fal has
counted; no quote is made of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..._data._money import figure

if TYPE_CHECKING:
    from ..._data._types import JsonObject
    from ...catalog import Get

API = "https://api.fal.ai"
AUTHORIZATION = ("Key", "FAL_KEY")
AT_ONCE = 50
"""Endpoints that one question may name."""
MOST_PAGES = 20
UNITS = {"second": "second", "image": "image", "megapixel": "megapixel", "video": "video"}


async def read_prices(get: Get, base_url: str | None, models: Iterable[str]) -> list[JsonObject]:
    """Return a line for each endpoint that has a price.

    Args:
        get: Asks for a page.
        base_url: Replaces fal's host.
        models: The endpoints to ask for.
    """
    place, names = f"{base_url or API}/v1/models/pricing", list(models)
    lines: list[JsonObject] = []
    for start in range(0, len(names), AT_ONCE):
        lines += await _asked(get, place, names[start : start + AT_ONCE])

    return lines


async def _asked(get: Get, place: str, names: list[str]) -> list[JsonObject]:
    """Return the lines of some endpoints; one that fal does not know any more hides no other."""
    lines: list[JsonObject] = []
    query = {"endpoint_id": ",".join(names)}
    for _ in range(MOST_PAGES):
        page = await get(place, query)
        if not isinstance(page, Mapping):
            half = len(names) // 2
            if not half:
                return []

            return await _asked(get, place, names[:half]) + await _asked(get, place, names[half:])

        lines += [made for row in page.get("prices") or () if (made := _line(row)) is not None]
        cursor = page.get("next_cursor")
        if not isinstance(cursor, str) or not cursor:
            break

        query["cursor"] = cursor

    return lines


def _line(row: Any) -> JsonObject | None:
    """Return the line in a row; None for one without a price, which is not free."""
    if not isinstance(row, Mapping):
        return None

    model, rate, unit = row.get("endpoint_id"), figure(row.get("unit_price")), row.get("unit")
    if not isinstance(model, str) or rate is None or not isinstance(unit, str):
        return None

    return {
        "model": model,
        "billable": "output",
        "unit": UNITS.get(unit.lower().removesuffix("s"), "credit"),
        "rate": format(rate, "f"),
        "currency": str(row.get("currency") or "USD").upper(),
        "role": "settlement",
        "source": f"fal's pricing API: one of its {unit}",
    }
