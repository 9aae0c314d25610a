"""Fetches schemas, or the last days of models, and stores them in the user's cache.

What was stored before stays as it is unless everything that was asked for arrived.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .._data._hints import Hint
from .._data._types import JsonObject
from .._support._paths import value_at
from .._support._secrets import AuthHeaders, Key, Secrets, bearer
from ..exceptions import (
    AuthenticationError,
    HTTPConnectionError,
    HTTPError,
    ModelNotFoundError,
    StorageError,
    TarashException,
    ValidationError,
)
from . import _schema_store
from ._lifecycle import record_of_day
from ._lookup import forget
from ._sources import (
    Dates,
    Get,
    SchemaReader,
    dates_of,
    schemas_of,
    source,
    with_dates,
    with_schemas,
)

if TYPE_CHECKING:
    from .._http._client import Transport

SECONDS = 60
"""For one page; with schemas, a page is a few megabytes."""
NOT_FOUND = 404


async def fetch_all(
    provider: str, base_url: str | None = None, key: Key | None = None
) -> tuple[int, Path]:
    """Fetch what the provider publishes of all models and store it; return how many, and where.

    These are their schemas, or the last days of those that make images and videos.

    Args:
        provider: The provider's name.
        base_url: Replaces the provider's host.
        key: The provider's key; fal's listing works without one, within lower limits.

    Raises:
        AuthenticationError: The list needs a key, and there is none; nothing was changed.
        HTTPError: The provider answered with an error status; nothing was changed.
        HTTPConnectionError: No answer came; nothing was changed.
        StorageError: The cache can't be written.
    """
    dates = dates_of(provider)
    if dates is not None:
        return await _fetch_dates(provider, dates, base_url, key)

    _check(provider, listed=True)
    reader = _reader(provider)
    async with _session_of(reader, key) as get:
        records = dict(await reader.read_all(get, host_of(provider, base_url)))

    if not records:
        raise TarashException(
            f"{provider} listed no model with a schema; what was stored before stays", provider
        )

    return len(records), _store(provider, records, base_url, add=False)


async def _fetch_dates(
    provider: str, dates: Dates, base_url: str | None, key: Key | None
) -> tuple[int, Path]:
    used_key = key or key_of(dates.keys)
    if used_key is None:
        raise AuthenticationError(
            f"No key for {provider}, whose list of models needs one: set the environment variable "
            f"{dates.keys[0]}",
            provider,
        )

    host = host_of(provider, base_url, dates.variables)
    async with session(used_key, dates.authorize) as get:
        days = await read_last_days(provider, dates, get, host)

    if not days:
        raise TarashException(
            f"{provider} listed no model of images or videos; what was stored before stays",
            provider,
        )

    owner = source(provider)
    name = provider if owner is None else owner.name
    records = {model: record_of_day(day) for model, day in days.items()}
    with _schema_store.schema_source(host):
        whose = f"{_schema_store.DATES}{_schema_store.source_of(name)}"

    return len(records), _store(name, records, add=False, source=whose)


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
    reader = _reader(provider)
    async with _session_of(reader, key) as get:
        schema = await reader.read_one(get, host_of(provider, base_url), model)

    if schema is None:
        raise ModelNotFoundError(
            f"{provider} has no schema of {model!r}; check the id on its page",
            provider,
            model,
            status_code=NOT_FOUND,
        )

    return _store(provider, {model: schema}, base_url, add=True)


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
    reader = _reader(provider)
    schema = reader.read_document(model, document)
    if schema is None:
        raise ValidationError(
            f"the document has no {reader.DOCUMENT_PART} schema for {model!r}", provider, model
        )

    # The user's own word, whoever is asked otherwise.
    return _store(provider, {model: schema}, add=True, source=provider)


def _check(provider: str, *, listed: bool = False) -> None:
    possible = with_schemas(listed=listed)
    if provider not in possible:
        one_by_one = provider in with_schemas()
        days = f" (or when their models end: {', '.join(with_dates())})" if listed else ""
        raise ValidationError(
            f"{provider!r} publishes no schemas that are read here"
            f"{' all at once' if one_by_one else ''}; those that do: {', '.join(possible)}{days}",
            provider,
            code="no_schemas",
            field="provider",
            hints=[Hint("add_model", "add_model() reads one")] if one_by_one else [],
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
    with _schema_store.schema_source(base_url):
        try:
            path = _schema_store.store(provider, records, today, add=add, source=source)
        except OSError as error:
            where = "" if error.filename is None else f" in {error.filename}"
            raise StorageError(
                f"What was fetched can't be kept{where} ({error.strerror or error}); what was "
                "stored before stays. Make that writable, or name another in TARASH_CACHE_DIR",
                provider,
            ) from error

    forget(provider)
    return path


def _reader(provider: str) -> SchemaReader:
    schemas = schemas_of(provider)
    assert schemas is not None  # noqa: S101  (`_check` came before)
    return schemas.load()


def host_of(provider: str, base_url: str | None, variables: Iterable[str] = ()) -> str | None:
    """Return what the user put in the place of the provider's host."""
    named = (f"TARASH_{provider.upper().replace('-', '_')}_BASE_URL", *variables)
    custom = base_url or next(filter(None, map(os.environ.get, named)), None)
    return custom.strip().rstrip("/") if custom else None


def key_of(variables: Iterable[str]) -> Key | None:
    """Return the first key of the environment, without the line break that files end in."""
    values = (os.environ.get(name, "").strip() for name in variables)
    key: Key | None = Key.taken(next(filter(None, values), None))
    return key


def _session_of(reader: SchemaReader, key: Key | None) -> AbstractAsyncContextManager[Get]:
    scheme, variable = reader.AUTHORIZATION
    return session(key or key_of([variable]), partial(bearer, scheme=scheme))


@asynccontextmanager
async def session(key: Key | None, authorize: Callable[[Key], AuthHeaders]) -> AsyncIterator[Get]:
    """Yield what asks a provider; the key goes with each question."""
    from .._http._client import Transport

    transport = Transport()
    made = _Session(transport, authorize(key) if key else None, Secrets([key]))

    async def get(url: str, query: Mapping[str, str]) -> Any:
        return await _get(made, url, query)

    try:
        yield get
    finally:
        await transport.aclose()


@dataclass(frozen=True, slots=True)
class _Session:
    """The connections of one refresh, and the key, which is for the one host that is asked."""

    transport: Transport
    credentials: AuthHeaders | None
    secrets: Secrets


async def _get(session: _Session, url: str, query: Mapping[str, str]) -> Any:
    """Return the JSON of an answer, or None for a 404."""
    import aiohttp

    from .._http._answer import FIRST_ERROR, read_answer, status_error
    from .._http._bodies import read_content
    from .._http._reading import ENCODINGS, LARGEST_ANSWER
    from .._http._reasons import reason_of

    connections, proxy = session.transport.road("poll", url)
    credentials = session.credentials or AuthHeaders({})
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


FIRST, LATEST = date(2015, 1, 1), date(2200, 1, 1)
"""A day outside is no day, but a number of another unit."""
MOST_PAGES = 20


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
