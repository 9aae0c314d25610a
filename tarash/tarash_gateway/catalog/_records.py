"""Turns answers of fal's models API into catalogue records, and back. Pure: reads no file.

A record holds name, category, dates, `input` (reduced schema), `outputs`, and, where its source is
known to be weak, `weakness`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from .._data._types import JsonObject
from ._reduce import reduce_document

REBUILT = "rebuilt"
"""Put back together from generated schemas: nested lists and some defaults may be wrong."""
TYPES = "types"
"""Derived from a client library's types: limits are missing, and digits may be numbers or text."""


def record_of(model: Mapping[str, Any]) -> tuple[str, JsonObject] | None:
    """Return id and record of one model of a listing; None where the listing has no schema.

    Args:
        model: One element of `models` of `GET /v1/models?expand=openapi-3.0`.
    """
    endpoint = model.get("endpoint_id")
    document = model.get("openapi")
    if not isinstance(endpoint, str) or not endpoint or not isinstance(document, Mapping):
        return None

    reduced = reduce_document(endpoint, document)
    if reduced is None:
        return None

    metadata = model.get("metadata")
    about = metadata if isinstance(metadata, Mapping) else {}
    record: JsonObject = {
        "name": about.get("display_name"),
        "category": about.get("category"),
        "date": _day(about.get("date")),
        "updated": _day(about.get("updated_at")),
    }
    if not reduced["outputs"]:
        reduced["outputs"] = _outputs_by_category(record["category"])

    if about.get("status") == "deprecated":
        record["deprecated"] = True
    if str(model.get("x_source", "")).startswith("generated"):
        record["weakness"] = REBUILT

    return endpoint, _filled({**record, **reduced})


def _outputs_by_category(category: Any) -> list[str]:
    target = str(category or "").rpartition("-to-")[2]
    return [target] if target in {"video", "image", "audio", "3d"} else []


def _day(moment: Any) -> str | None:
    return moment[:10] if isinstance(moment, str) and moment else None


def _filled(record: JsonObject) -> JsonObject:
    return {name: value for name, value in record.items() if value is not None}


def records_of(models: Iterable[Any]) -> dict[str, JsonObject]:
    """Return the records of a listing by id; of two with the same id, the earlier."""
    records: dict[str, JsonObject] = {}
    for model in models:
        entry = record_of(model) if isinstance(model, Mapping) else None
        if entry is not None:
            records.setdefault(*entry)

    return records


def words_of(endpoint: str) -> list[str]:
    """Return an id's owner and then its words: `fal-ai/ltx-video` is `fal-ai`, `ltx`, `video`."""
    owner, _, rest = endpoint.partition("/")
    return [owner, *(word for word in re.split(r"[/\-_.]", rest) if word)]


def dated(record: JsonObject | None) -> JsonObject | None:
    """Return a record with the day on which it was read: today."""
    return record and {**record, "read": datetime.now(UTC).date().isoformat()}


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
