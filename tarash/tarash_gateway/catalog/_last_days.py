"""Reads a provider's own list of models for the days on which they end, by the data of its row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .._support._paths import value_at
from ..exceptions import HTTPError, ValidationError

if TYPE_CHECKING:
    from ._sources import Dates, Get

FIRST, LATEST = date(2015, 1, 1), date(2200, 1, 1)
"""A day outside is no day, but a number of another unit."""
MOST_PAGES = 20
NOT_FOUND = 404


async def read_last_days(
    provider: str, dates: Dates, get: Get, base_url: str | None
) -> Mapping[str, date | None]:
    """Return the last days of all listed models of images and videos, by id.

    Args:
        provider: The provider's name, for errors.
        dates: What its row says of the list.
        get: Asks for a page.
        base_url: Replaces the provider's host.

    Raises:
        HTTPError: There is no list of models.
        ValidationError: Nobody said which host to ask.
    """
    place, query = _place(provider, dates, base_url), dict(dates.query)
    days: dict[str, date | None] = {}
    for _ in range(MOST_PAGES):
        page = await get(place, query)
        rows = value_at(page, dates.items)
        if not isinstance(rows, list):
            raise HTTPError(
                f"{place} has no list of models (HTTP 404, or JSON of another shape); check "
                "base_url",
                status_code=NOT_FOUND if page is None else None,
            )

        for row in rows:
            model = value_at(row, dates.id)
            if isinstance(model, str) and re.search(dates.media, model, re.IGNORECASE):
                days[model.removeprefix(dates.prefix)] = _day(value_at(row, dates.day))

        token = value_at(page, "nextPageToken")
        if not isinstance(token, str) or not token:
            break

        query["pageToken"] = token

    return days


def _place(provider: str, dates: Dates, base_url: str | None) -> str:
    base = base_url or dates.api
    if base is None:
        raise ValidationError(
            f"{provider} needs to know which host to ask: set {dates.variables[0]} to the endpoint "
            "or pass base_url=",
            provider,
        )

    has_path = urlsplit(base).path not in ("", "/")
    if has_path and dates.root not in base and dates.root_may_lack:
        return f"{base.rstrip('/')}/models"

    return f"{base.partition(dates.root)[0].rstrip('/')}{dates.root}/models"


def _day(value: Any) -> date | None:
    """Return a day, from text in ISO's form or seconds since 1970; None for what is neither."""
    try:
        if isinstance(value, str):
            day = date.fromisoformat(value.strip()[:10])
        elif isinstance(value, int | float) and not isinstance(value, bool):
            day = datetime.fromtimestamp(value, UTC).date()
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None

    return day if FIRST <= day < LATEST else None
