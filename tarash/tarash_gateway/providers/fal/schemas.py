"""Where fal says what its models take: a list of all, one entry of it, or one model's document."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..._data._types import JsonObject
from ..._http._urls import join
from ...catalog import Get
from ...catalog._records import record_of, records_of
from ...exceptions import HTTPError

if TYPE_CHECKING:
    from ..._http._credentials import Credentials

API = "https://api.fal.ai"
DOCUMENTS = "https://fal.ai"
AUTHORIZATION = ("Key", "FAL_KEY")
EXPANDED = {"expand": "openapi-3.0"}
MOST_PAGES = 500
NOT_FOUND = 404
DOCUMENT = "api/openapi/queue/openapi.json"
SWITCH = "TARASH_FAL_SCHEMAS"
"""Where schemas of models are asked for that nobody knows: a host, or `off` for nowhere."""
DOCUMENT_PART = "POST with a JSON"


async def read_all(get: Get, base_url: str | None) -> Mapping[str, JsonObject]:
    """Return the records of all models that are listed, by id.

    Raises:
        HTTPError: There is no list of models.
    """
    return records_of([model async for model in _listed(get, base_url or API)])


async def _listed(get: Get, origin: str) -> AsyncIterator[Any]:
    cursor: str | None = None
    seen: set[str] = set()
    for _page in range(MOST_PAGES):
        query = {**EXPANDED, "status": "active", **({"cursor": cursor} if cursor else {})}
        page = await get(f"{origin}/v1/models", query)
        if not isinstance(page, Mapping):
            raise HTTPError(
                f"{origin}/v1/models has no list of models (HTTP 404, or JSON of another shape); "
                "check base_url",
                status_code=NOT_FOUND if page is None else None,
            )

        for model in page.get("models") or ():
            yield model

        cursor = page.get("next_cursor")
        if not cursor or page.get("has_more") is False or cursor in seen:
            return

        seen.add(cursor)


async def read_one(get: Get, base_url: str | None, model: str) -> JsonObject | None:
    """Return the record of one model: from the list, else from its document; None for neither."""
    page = await get(f"{base_url or API}/v1/models", {"endpoint_id": model, **EXPANDED})
    models = page.get("models") if isinstance(page, Mapping) else None
    records = records_of(model for model in models or () if isinstance(model, Mapping))
    if model in records:
        return records[model]

    place = f"{base_url or DOCUMENTS}/{DOCUMENT}"
    document = await get(place, {"endpoint_id": model})
    return read_document(model, document) if document else None


def read_document(model: str, document: Mapping[str, Any]) -> JsonObject | None:
    """Return the record in a model's OpenAPI document; None where it describes no input."""
    record = record_of({"endpoint_id": model, "openapi": document})
    return None if record is None else record[1]


def may_learn(account: Credentials) -> bool:
    """Tell whether there is somebody to ask for schemas: fal, unless it was replaced."""
    return bool(_host(account))


def document_of(account: Credentials, model: str) -> str:
    """Return the address of the document of a model that is newer than the package."""
    return f"{join(_host(account), DOCUMENT)}?endpoint_id={quote(model, safe='')}"


def _host(account: Credentials) -> str:
    """Return where schemas are asked for; empty for nowhere."""
    named = os.environ.get(SWITCH, "").strip()
    if named.lower() == "off":
        return ""

    # A host in fal's place has models of its own, or none.
    return named or ("" if account.custom_base_url else DOCUMENTS)
