"""Where OpenAI says when its models end: `shutdown_date` in its list of models."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from urllib.parse import urlsplit

from ..._support._secrets import bearer
from ...catalog import Get
from .._openai_dates import day_of, rows_of

API = "https://api.openai.com"
VERSION = "/v1"
VARIABLES = ()
KEYS = ("OPENAI_API_KEY",)
authorize = bearer


async def read_dates(get: Get, base_url: str | None) -> Mapping[str, date | None]:
    """Return the last days of all listed models of images and videos, by id.

    Raises:
        HTTPError: There is no list of models.
    """
    base = base_url or API
    place = f"{base}{'' if urlsplit(base).path else VERSION}/models"
    page = await get(place, {})
    return {row["id"]: day_of(row.get("shutdown_date")) for row in rows_of(page, place)}
