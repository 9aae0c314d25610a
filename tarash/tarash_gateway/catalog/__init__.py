"""What models take, as data: look a model up here. Reads no network and knows no wire."""

from __future__ import annotations

from ._describe import describe, list_all, near_ids
from ._document import document_of
from ._library import shipped_records
from ._lifecycle import Lifecycle, lifecycle, retired
from ._lookup import Mappers, built_in_mappers, forget, lookup, same_model_for
from ._spec import ModelSpec

__all__ = [
    "Lifecycle",
    "Mappers",
    "ModelSpec",
    "built_in_mappers",
    "describe",
    "document_of",
    "forget",
    "lifecycle",
    "list_all",
    "lookup",
    "near_ids",
    "retired",
    "same_model_for",
    "shipped_records",
]
