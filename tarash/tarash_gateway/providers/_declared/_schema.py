"""The JSON Schema of declarations, for editors that complete and check TOML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._model import Errors, ProviderDeclaration
from ._parts import SEVERAL

if TYPE_CHECKING:
    from pydantic import BaseModel


def declaration_schema() -> dict[str, Any]:
    """Return the JSON Schema of a file of a provider."""
    schema = ProviderDeclaration.model_json_schema(by_alias=True)
    _allow_one(schema, ProviderDeclaration)
    _allow_one(schema["$defs"]["Errors"], Errors)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "A provider of Tarash Gateway, in one file",
    }


def _allow_one(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Say of what may be several tables that it may be one."""
    for name, field in model.model_fields.items():
        if SEVERAL in field.metadata:
            array = schema["properties"][name]
            schema["properties"][name] = {"anyOf": [array["items"], array]}
