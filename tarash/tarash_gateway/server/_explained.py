"""JSON Schemas in which each field says what it is for, in the words of its class's docstring."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

if TYPE_CHECKING:
    from pydantic_core import core_schema

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
