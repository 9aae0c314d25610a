"""The JSON Schema of the server's configuration file, by which editors complete and check it."""

from __future__ import annotations

from typing import Any

from pydantic_core import core_schema

from ._explained import Explained
from ._settings import ServerSettings


class _ForToml(Explained):
    """TOML has no null: a setting that may be left out is left out."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> dict[str, Any]:
        """Return the schema of what may be None in Python."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> dict[str, Any]:
        """Return the schema of what has a default, with it unless it is None."""
        made = super().default_schema(schema)
        return {
            name: value for name, value in made.items() if name != "default" or value is not None
        }

    def dict_schema(self, schema: core_schema.DictSchema) -> dict[str, Any]:
        """Return the schema of a table whose keys are names; other names are refused."""
        return {**super().dict_schema(schema), "additionalProperties": False}


def settings_schema() -> dict[str, Any]:
    """Return the JSON Schema of a configuration file."""
    schema = ServerSettings.model_json_schema(schema_generator=_ForToml)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "The configuration of Tarash Gateway's server",
    }
