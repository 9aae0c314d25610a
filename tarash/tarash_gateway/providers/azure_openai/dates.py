"""Where an Azure resource says when its models end: `deprecation.inference` in its list."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from ..._support._secrets import AuthHeaders, Key
from ...catalog import Get
from ...exceptions import ValidationError
from .._openai_dates import day_of, rows_of

VARIABLES = ("AZURE_OPENAI_ENDPOINT",)
KEYS = ("AZURE_OPENAI_API_KEY",)
PATH = "/openai"
VERSION = {"api-version": "2024-10-21"}


def authorize(key: Key) -> AuthHeaders:
    """Return the header of a key."""
    return AuthHeaders({"api-key": key.reveal()})


async def read_dates(get: Get, base_url: str | None) -> Mapping[str, date | None]:
    """Return the last days of all listed models of images and videos, by id.

    Raises:
        HTTPError: There is no list of models.
        ValidationError: Nobody said which resource to ask.
    """
    if base_url is None:
        raise ValidationError(
            "azure-openai needs to know the resource: set AZURE_OPENAI_ENDPOINT to its endpoint "
            "(https://NAME.openai.azure.com), or pass base_url=",
            "azure-openai",
        )

    place = f"{base_url.partition(PATH)[0].rstrip('/')}{PATH}/models"
    page = await get(place, VERSION)
    return {row["id"]: day_of(_stated(row)) for row in rows_of(page, place)}


def _stated(row: Mapping[str, Any]) -> Any:
    deprecation = row.get("deprecation")
    return deprecation.get("inference") if isinstance(deprecation, Mapping) else None
