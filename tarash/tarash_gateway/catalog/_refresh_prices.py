"""Fetches what providers publish of their prices, and stores it in the user's cache."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .._support._secrets import Key, bearer
from ..exceptions import StorageError, TarashException, ValidationError
from . import _schema_store
from ._refresh import host_of, key_of, session
from ._sources import source, tariffs_of, with_tariffs
from .prices import keep, line_of, reason_of

if TYPE_CHECKING:
    from .._data._types import JsonObject


async def fetch_prices(
    provider: str, base_url: str | None = None, key: Key | None = None
) -> tuple[int, Path]:
    """Fetch the price lines of a provider and store them; return how many, and where.

    Args:
        provider: The provider's name.
        base_url: Replaces the provider's host.
        key: The provider's key.

    Raises:
        ValidationError: The provider publishes no prices that are read here.
        HTTPError: The provider answered with an error status; nothing was changed.
        HTTPConnectionError: No answer came; nothing was changed.
        StorageError: The cache can't be written.
    """
    tariffs = tariffs_of(provider)
    if tariffs is None:
        raise ValidationError(
            f"{provider!r} publishes no prices that are read here; those that do: "
            f"{', '.join(with_tariffs())}",
            provider,
        )

    reader, owner = tariffs.load(), source(provider)
    name = provider if owner is None else owner.name
    scheme, variable = reader.AUTHORIZATION
    host = host_of(provider, base_url)
    async with session(key or key_of([variable]), partial(bearer, scheme=scheme)) as get:
        rows = await reader.read_prices(get, host, _schema_store.ids(name))

    lines = [_whole(row, name, tariffs.title) for row in rows]
    if not lines:
        raise TarashException(
            f"{provider} published no price that can be read; what was stored before stays",
            provider,
        )

    with _schema_store.schema_source(host):
        try:
            path = keep(_schema_store.source_of(name), lines)
        except OSError as error:
            raise StorageError(
                f"What was fetched can't be kept ({error.strerror or error}); what was stored "
                "before stays. Name another folder in TARASH_CACHE_DIR",
                provider,
            ) from error

    return len(lines), path


def _whole(line: JsonObject, provider: str, title: str) -> JsonObject:
    """Return a line with its source and its day; it is checked before anything is stored."""
    today = datetime.now(UTC).date().isoformat()
    whole = {"source": title, "date": today, "confidence": "vendor", **line, "provider": provider}
    try:
        line_of(whole)
    except ValueError as error:
        raise TarashException(
            f"{provider} published a price of {whole.get('model')!r} that can't be read "
            f"({reason_of(error)}); what was stored before stays",
            provider,
        ) from error

    return whole
