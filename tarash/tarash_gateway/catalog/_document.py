"""Makes an OpenAPI document out of a reduced schema, as fal lays its documents out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._data._types import JsonObject


def document_of(model: str, schema: Mapping[str, Any], outputs: Iterable[str]) -> JsonObject:
    """Return a document that says what a record says.

    Args:
        model: The model's id.
        schema: The reduced schema of its input.
        outputs: What it makes.
    """
    result = {name: {"type": "object"} for name in outputs}
    schemas = {
        "Input": {"type": "object", "title": "Input", **schema},
        "Output": {"type": "object", "title": "Output", "properties": result},
    }
    content = {
        name: {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        for name in schemas
    }
    return {
        "openapi": "3.0.4",
        "info": {"title": model, "version": "1.0.0"},
        "components": {"schemas": schemas},
        "paths": {
            f"/{model}": {"post": {"requestBody": {"content": content["Input"]}}},
            f"/{model}/requests/{{request_id}}": {
                "get": {"responses": {"200": {"content": content["Output"]}}}
            },
        },
    }
