"""The lists of models of OpenAI and Azure OpenAI, read for the last days of models. Pure ends.

OpenAI: `shutdown_date`, a day as text, or null.
https://developers.openai.com/api/reference/resources/models/methods/list
Azure: `deprecation.inference`, seconds since 1970, left out where the day is not known.
https://learn.microsoft.com/en-us/rest/api/azureopenai/models/list
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from ..exceptions import HTTPError

MEDIA = re.compile(r"image|video|sora|dall-e|gif", re.IGNORECASE)
"""In the ids of models that make images and videos; the list is mostly of others."""
LATEST = date(2200, 1, 1)
"""A day after it is no day, but a number of another unit."""
FIRST = date(2015, 1, 1)


def rows_of(page: Any, place: str) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of a list of models that have an id, whatever else they hold.

    Args:
        page: The body of the answer; None for a 404.
        place: Where it is from, for the error.

    Raises:
        HTTPError: It is no list of models.
    """
    rows = page.get("data") if isinstance(page, Mapping) else None
    if not isinstance(rows, list):
        raise HTTPError(
            f"{place} has no list of models (HTTP 404, or JSON of another shape); check base_url",
            status_code=404 if page is None else None,
        )

    for row in rows:
        if isinstance(row, Mapping) and isinstance(row.get("id"), str) and MEDIA.search(row["id"]):
            yield row


def day_of(value: Any) -> date | None:
    """Return a day, from text in ISO's form or seconds since 1970; None for what is neither."""
    try:
        if isinstance(value, str):
            found = date.fromisoformat(value.strip()[:10])
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found = datetime.fromtimestamp(value, UTC).date()
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None

    return found if FIRST <= found < LATEST else None
