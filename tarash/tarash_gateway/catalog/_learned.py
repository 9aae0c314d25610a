"""Which models their provider has to be asked about before anything is fitted to them. No network.

For most providers nobody can be asked; of fal's, those that ship with the package need no asking.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from .._data._types import Kind
from ..mapping import longest_prefix
from . import _schema_store
from ._modules import named
from ._sources import schemas_of

FRESH = timedelta(days=7)
"""After that, what was read by itself is read again: models get new versions."""


def is_unknown(provider: str, model: str, kind: Kind) -> bool:
    """Tell whether a provider has schemas, and nothing is known of this model by its id."""
    schemas = schemas_of(provider)
    if (
        schemas is None
        or schemas.makes not in (None, kind)
        or model.partition(":")[0] in named(provider)
    ):
        return False

    return _schema_store.record(provider, model) is None


def asks(provider: str) -> bool:
    """Tell whether the provider is asked about a model when somebody first generates with it."""
    schemas = schemas_of(provider)
    return schemas is not None and schemas.on_first_use


def can_be_asked(provider: str, model: str) -> bool:
    """Tell whether there is a way to ask about a model: Replicate knows no version by itself."""
    return asks(provider) and "/" in model


def is_worth_asking(provider: str, model: str, kind: Kind, registered: Mapping[str, Any]) -> bool:
    """Tell whether the provider should be asked what a model takes.

    Args:
        provider: The provider's name.
        model: The model's id.
        kind: What is to be made.
        registered: Ids and prefixes that the application has mappers of its own for.
    """
    if not can_be_asked(provider, model) or longest_prefix(model, registered) is not None:
        return False

    stored = _schema_store.record(provider, model)
    if stored is None:
        return is_unknown(provider, model, kind)

    # What the user has fetched by other means has no such date, and stays.
    read = stored[0].get("read")
    return read is not None and date.fromisoformat(read) < datetime.now(UTC).date() - FRESH
