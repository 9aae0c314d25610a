"""JSON Schemas in which each field says what it is for, in the words of its class's docstring.

That of the server's configuration file is one: editors complete and check it by that.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from ._settings import ServerSettings

SECTION = re.compile(r"^(?P<name>[A-Z]\w+):\n(?P<body>(?:    .*\n?|\n)+)", re.MULTILINE)
ENTRY = re.compile(r"^    (?P<name>\w+): (?P<text>.*(?:\n     .*)*)", re.MULTILINE)


class Explained(GenerateJsonSchema):
    """Pydantic's generator, but for docstrings that are taken apart, and without titles."""

    def model_schema(self, schema: core_schema.ModelSchema) -> dict[str, Any]:
        """Return the schema of a model."""
        return explained(super().model_schema(schema), schema["cls"])

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Tell whether a field gets a title: its name, written otherwise, says nothing."""
        del schema
        return False


def explained(schema: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Return a model's schema with what its docstring says of each field in its place."""
    says = explanations(model)
    fields = {
        name: {"description": says[name], **value} if name in says else value
        for name, value in schema.get("properties", {}).items()
    }
    text = SECTION.sub("", f"{inspect.getdoc(model) or ''}\n").strip()
    return {
        **schema,
        **({"description": text} if text else {}),
        **({"properties": fields} if fields else {}),
    }


def explanations(model: type[BaseModel]) -> dict[str, str]:
    """Return what docstrings say of the fields of a model, of those that it inherits too."""
    texts: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            for section in SECTION.finditer(f"{inspect.getdoc(base) or ''}\n"):
                if section["name"] == "Attributes":
                    entries = ENTRY.finditer(section["body"])
                    texts |= {entry["name"]: " ".join(entry["text"].split()) for entry in entries}

    return texts


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
