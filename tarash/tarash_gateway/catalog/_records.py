"""Turns answers of fal's models API into catalogue records. Pure; reads no file and no network.

A record holds name, category, dates, `input` (reduced schema), `outputs`, and, where its source is
known to be weak, `weakness`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .._data._types import JsonObject
from ._reduce import outputs_of, reduce_document, reduce_schema

REBUILT = "rebuilt"
"""Put back together from generated schemas: nested lists and some defaults may be wrong."""
TYPES = "types"
"""Derived from a client library's types: limits are missing, and digits may be numbers or text."""

RANGES = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "maxItems")


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
    facts = metadata if isinstance(metadata, Mapping) else {}
    record: JsonObject = {
        "name": facts.get("display_name"),
        "category": facts.get("category"),
        "date": _day(facts.get("date")),
        "updated": _day(facts.get("updated_at")),
    }
    if not reduced["outputs"]:
        reduced["outputs"] = _outputs_by_category(record["category"])

    if facts.get("status") == "deprecated":
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
        found = record_of(model) if isinstance(model, Mapping) else None
        if found is not None:
            records.setdefault(*found)

    return records


def records_of_types(endpoints: Mapping[str, Mapping[str, Any]]) -> dict[str, JsonObject]:
    """Return records for schemas that were derived from a client library's types.

    Args:
        endpoints: By id: `input` and `output` schemas.
    """
    return {
        endpoint: {
            "weakness": TYPES,
            "input": reduce_schema(entry.get("input") or {}),
            "outputs": outputs_of(entry.get("output") or {}),
        }
        for endpoint, entry in endpoints.items()
    }


def mend(weak: Mapping[str, JsonObject], sound: Mapping[str, JsonObject]) -> dict[str, JsonObject]:
    """Return weak records with types and limits as the nearest sound relative has them.

    Digits in the weak enums become numbers where the relatives send numbers; limits are taken over
    where there are none.
    """
    return {
        endpoint: {**record, "input": _mended(endpoint, record["input"], sound)}
        for endpoint, record in weak.items()
    }


def _mended(
    endpoint: str, schema: Mapping[str, Any], sound: Mapping[str, JsonObject]
) -> JsonObject:
    relatives = sorted(
        (other for other in sound if _nearness(endpoint, other) > 0),
        key=lambda other: (-_nearness(endpoint, other), other),
    )
    properties = {}
    for name, value in schema["properties"].items():
        found = (sound[other]["input"]["properties"].get(name) for other in relatives)
        properties[name] = _like(value, next((one for one in found if one is not None), None))

    return {**schema, "properties": properties}


def _nearness(one: str, other: str) -> int:
    """Count the words that two ids have in common; 0 where owner or family differ."""
    mine, theirs = words_of(one), words_of(other)
    if one.split("/", maxsplit=1)[0] != other.split("/", maxsplit=1)[0] or mine[1:2] != theirs[1:2]:
        return 0

    return len(set(mine) & set(theirs))


def words_of(endpoint: str) -> list[str]:
    """Return an id's owner and then its words: `fal-ai/ltx-video` is `fal-ai`, `ltx`, `video`."""
    owner, _, rest = endpoint.partition("/")
    return [owner, *(word for word in re.split(r"[/\-_.]", rest) if word)]


def _like(weak: JsonObject, sound: Mapping[str, Any] | None) -> JsonObject:
    if sound is None:
        return weak

    kind = sound.get("type")
    number = kind in {"integer", "number"}
    values = weak.get("enum")
    if number and isinstance(values, list) and all(str(value).isdigit() for value in values):
        mended = {**weak, "type": kind, "enum": [int(value) for value in values]}
        default = str(weak.get("default"))
        return {**mended, "default": int(default)} if default.isdigit() else mended

    if weak.get("type") == "number" and number and values is None:
        limits = {name: sound[name] for name in RANGES if name in sound}
        return {**weak, "type": kind, **limits}

    if "maxItems" in sound and weak.get("type") == "array":
        return {**weak, "maxItems": sound["maxItems"]}

    return weak
