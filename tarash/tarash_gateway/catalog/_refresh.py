"""Fetches schemas and stores them in the user's cache: all of fal's, or one model's.

What was stored before stays as it is unless everything that was asked for arrived.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._secrets import Credentials, Key, Secrets, bearer
from .._types import JsonObject
from ..exceptions import (
    HTTPConnectionError,
    HTTPError,
    ModelNotFoundError,
    StorageError,
    TarashException,
    ValidationError,
)
from . import _library
from ._lookup import forget
from ._modules import WITH_SCHEMAS
from ._records import record_of, records_of
from ._replicate_schema import read_record, record_of_document

if TYPE_CHECKING:
    from .._http import Transport

LISTED = ("fal",)
"""Providers whose schemas can be had all at once."""
MODELS_API = "https://api.fal.ai"
SCHEMA_API = "https://fal.ai"
REPLICATE_API = "https://api.replicate.com"
# How a key is sent, and where it is read from.
KEYS = {"fal": ("Key", "FAL_KEY"), "replicate": ("Bearer", "REPLICATE_API_TOKEN")}
EXPANDED = {"expand": "openapi-3.0"}
SECONDS = 60
"""For one page; with schemas, a page is a few megabytes."""
MOST_PAGES = 500
NOT_FOUND = 404


async def fetch_all(
    provider: str, base_url: str | None = None, key: Key | None = None
) -> tuple[int, Path]:
    """Fetch the schemas of all models and store them; return how many, and where.

    Args:
        provider: The provider's name.
        base_url: Replaces the provider's host.
        key: The provider's key; its listing works without one, within lower limits.

    Raises:
        HTTPError: The provider answered with an error status; nothing was changed.
        HTTPConnectionError: No answer came; nothing was changed.
        StorageError: The cache can't be written.
    """
    _check(provider, LISTED)
    async with _session(provider, key) as session:
        models = [model async for model in _listed(session, _origin(provider, base_url))]

    records = records_of(models)
    if not records:
        raise TarashException(
            f"{provider} listed no model with a schema; what was stored before stays", provider
        )

    return len(records), _store(provider, records, base_url, add=False)


async def fetch_one(
    provider: str, model: str, base_url: str | None = None, key: Key | None = None
) -> Path:
    """Fetch the schema of one model and store it beside the others; return where.

    Args:
        provider: The provider's name.
        model: The model's id.
        base_url: Replaces the provider's host.
        key: The provider's key.

    Raises:
        ModelNotFoundError: The provider has no such model, or no schema of it.
        HTTPError: The provider answered with an error status; nothing was changed.
        HTTPConnectionError: No answer came; nothing was changed.
        StorageError: The cache can't be written.
    """
    _check(provider)
    async with _session(provider, key) as session:
        if provider == "fal":
            found = await _listed_one(session, base_url, model)
            found = found or await _document_of(session, base_url, model)
        else:
            origin = _origin(provider, base_url).removesuffix("/v1")
            record = await read_record(lambda path: _get(session, f"{origin}/v1/{path}"), model)
            found = None if record is None else (model, record)

    if found is None:
        raise ModelNotFoundError(
            f"{provider} has no schema of {model!r}; check the id on its page",
            provider,
            model,
            status_code=NOT_FOUND,
        )

    return _store(provider, dict([found]), base_url, add=True)


def store_document(provider: str, model: str, document: Mapping[str, Any]) -> Path:
    """Store the schema of one model from its OpenAPI document; return where.

    Args:
        provider: The provider's name.
        model: The model's id.
        document: The document as the provider publishes it.

    Raises:
        ValidationError: It doesn't describe the model's input.
        StorageError: The cache can't be written.
    """
    _check(provider)
    if provider == "fal":
        found, needed = record_of({"endpoint_id": model, "openapi": document}), "POST with a JSON"
    else:
        record = record_of_document(document)
        found, needed = None if record is None else (model, record), "component Input with a"

    if found is None:
        raise ValidationError(f"the document has no {needed} schema for {model!r}", provider, model)

    # The user's own word, whoever is asked otherwise.
    return _store(provider, dict([found]), add=True, source=provider)


def _check(provider: str, possible: tuple[str, ...] = WITH_SCHEMAS) -> None:
    if provider not in possible:
        one_by_one = " all at once; add_model() reads one" if provider in WITH_SCHEMAS else ""
        raise ValidationError(
            f"{provider!r} publishes no schemas that are read here{one_by_one}; those that do: "
            f"{', '.join(possible)}",
            provider,
        )


def _store(
    provider: str,
    records: dict[str, JsonObject],
    base_url: str | None = None,
    *,
    add: bool,
    source: str | None = None,
) -> Path:
    today = datetime.now(UTC).date().isoformat()
    with _library.asked_at(base_url):
        try:
            path = _library.store(provider, records, today, add=add, source=source)
        except OSError as error:
            where = "" if error.filename is None else f" in {error.filename}"
            raise StorageError(
                f"The schemas can't be kept{where} ({error.strerror or error}); what was stored "
                "before stays. Make that writable, or name another folder in TARASH_CACHE_DIR",
                provider,
            ) from error

    forget(provider)
    return path


def _origin(provider: str, base_url: str | None, usual: str | None = None) -> str:
    custom = base_url or os.environ.get(f"TARASH_{provider.upper()}_BASE_URL")
    host = {"fal": MODELS_API, "replicate": REPLICATE_API}[provider]
    return (custom or usual or host).rstrip("/")


@asynccontextmanager
async def _session(provider: str, key: Key | None) -> AsyncIterator[_Session]:
    from .._http import Transport

    scheme, variable = KEYS[provider]
    found = key or Key.taken(os.environ.get(variable))
    transport = Transport()
    try:
        yield _Session(transport, bearer(found, scheme) if found else None, Secrets([found]))
    finally:
        await transport.aclose()


@dataclass(frozen=True, slots=True)
class _Session:
    """The connections of one refresh, and the key, which is for the one host that is asked."""

    transport: Transport
    credentials: Credentials | None
    secrets: Secrets


async def _get(session: _Session, url: str, **query: str) -> Any:
    """Return the JSON of an answer, or None for a 404."""
    import aiohttp

    from .._answer import FIRST_ERROR, read_answer, status_error
    from .._bodies import read_content
    from .._reading import ENCODINGS, LARGEST_ANSWER
    from .._reasons import reason_of

    connections, proxy = session.transport.road("poll", url)
    credentials = session.credentials or Credentials({})
    failure: HTTPConnectionError
    try:
        async with connections.get(
            url,
            params=query,
            headers=credentials.onto({"Accept-Encoding": ENCODINGS}),
            allow_redirects=False,
            auto_decompress=False,  # it is unpacked within a limit
            proxy=proxy,
            timeout=aiohttp.ClientTimeout(total=SECONDS),
        ) as response:
            if response.status == NOT_FOUND:
                return None

            content = await read_content(response, LARGEST_ANSWER)
            answer = read_answer(
                response.status, response.headers, response.content_type, content, session.secrets
            )
            if answer.status < FIRST_ERROR and answer.is_json and answer.body is not None:
                return answer.body

            raise status_error(answer)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        failure = HTTPConnectionError(
            f"No readable answer from {url}: {reason_of(error)}; what was stored before stays "
            "(check the network)"
        )
        cause = session.secrets.outside(error)

    # Outside the handler, so that the original, whose frames hold the headers, is not the context.
    raise failure from cause


async def _listed(session: _Session, origin: str) -> AsyncIterator[Any]:
    cursor: str | None = None
    seen: set[str] = set()
    for _page in range(MOST_PAGES):
        query = {**EXPANDED, "status": "active", **({"cursor": cursor} if cursor else {})}
        page = await _get(session, f"{origin}/v1/models", **query)
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


async def _listed_one(
    session: _Session, base_url: str | None, model: str
) -> tuple[str, JsonObject] | None:
    url = f"{_origin('fal', base_url)}/v1/models"
    page = await _get(session, url, endpoint_id=model, **EXPANDED)
    models = page.get("models") if isinstance(page, Mapping) else None
    found = records_of(one for one in models or () if isinstance(one, Mapping))
    return (model, found[model]) if model in found else None


async def _document_of(
    session: _Session, base_url: str | None, model: str
) -> tuple[str, JsonObject] | None:
    url = f"{_origin('fal', base_url, SCHEMA_API)}/api/openapi/queue/openapi.json"
    document = await _get(session, url, endpoint_id=model)
    return record_of({"endpoint_id": model, "openapi": document}) if document else None
