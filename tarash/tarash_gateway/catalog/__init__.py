"""What models take, as data: models are found here. Knows no wire.

Only a refresh reads the network, through the clients of providers; finding a model never does.
"""

from __future__ import annotations

from ._describe import EVERY_ROLE, describe, list_all, mask_form_of, outputs_of
from ._learned import is_worth_asking
from ._lifecycle import Lifecycle, ending, ends, last_days, lifecycle, retired, unlisted
from ._lookup import TYPO, built_in_mappers, forget, lookup, remember, same_model_for
from ._modules import Mappers, elsewhere, having, named
from ._records import document_of
from ._reduce import OUTPUTS, reduce_schema
from ._schema_store import schema_source, shipped_records
from ._sources import (
    Dates,
    Get,
    ModelSource,
    SchemaReader,
    Schemas,
    Sources,
    Tariffs,
    names_of,
    provide,
    provided_by,
)
from ._spec import ModelSpec
from ._suggestions import mistyped_for, near_ids

__all__ = [
    "EVERY_ROLE",
    "OUTPUTS",
    "TYPO",
    "Dates",
    "Get",
    "Lifecycle",
    "Mappers",
    "ModelSource",
    "ModelSpec",
    "SchemaReader",
    "Schemas",
    "Sources",
    "Tariffs",
    "built_in_mappers",
    "describe",
    "document_of",
    "elsewhere",
    "ending",
    "ends",
    "forget",
    "having",
    "is_worth_asking",
    "last_days",
    "lifecycle",
    "list_all",
    "lookup",
    "mask_form_of",
    "mistyped_for",
    "named",
    "names_of",
    "near_ids",
    "outputs_of",
    "provide",
    "provided_by",
    "reduce_schema",
    "remember",
    "retired",
    "same_model_for",
    "schema_source",
    "shipped_records",
    "unlisted",
]
