"""Cuts an OpenAPI document down to what mapping, validation, capabilities and docs read. Pure.

Knows the layout of fal's documents and their mixture of dialects; knows no file and no network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .._data._types import JsonObject

DEEPEST = 12
"""Levels of `$ref` that are followed; a schema that refers to itself ends there."""
SHORT = 220
"""Characters of a description that are kept, where it is kept at all."""
LONGEST_DEFAULT = 80

LIMITS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "pattern",
)
# Only for these parameters does the prose decide how they are mapped.
DESCRIBED = re.compile(
    r"image|photo|picture|frame|video|mask|element|reference|ref_|fps|duration|length|audio|subject"
)
MEDIA = re.compile(r"image|photo|picture|frame|video|mask|url|element|media|file")
# What a result is made of, by the words in the names of its parts.
OUTPUTS: Mapping[str, re.Pattern[str]] = {
    "video": re.compile(r"(^|_)videos?(_|$)|(^|_)gif(_|$)"),
    "image": re.compile(r"(^|_)images?(_|$)|(^|_)svg(_|$)"),
    "audio": re.compile(r"(^|_)audios?(_|$)|(^|_)(speech|song|music)(_|$)"),
    "3d": re.compile(r"(^|_)(mesh|meshes|glb|model_urls|obj|fbx|ply|splat)(_|$)"),
}
# A part with one of these words accompanies the result.
BESIDE = re.compile(r"debug|preview|thumbnail|input|mask|viz|visualization|zip|spritesheet|texture")


def reduce_document(endpoint: str, document: Mapping[str, Any]) -> JsonObject | None:
    """Return `input` (a reduced schema) and `outputs` of an endpoint's OpenAPI document.

    Args:
        endpoint: The endpoint's id, which is also its path.
        document: The document as the API gives it.

    Returns:
        None for a document without the endpoint's input, such as a failed expansion.
    """
    paths = document.get("paths")
    if not isinstance(paths, Mapping):
        return None

    schema = _body(paths.get(f"/{endpoint.strip('/')}"), "post")
    if schema is None:  # an only POST is the endpoint's, whatever its path
        posts = [path for path in paths.values() if _body(path, "post") is not None]
        schema = _body(posts[0], "post") if len(posts) == 1 else None

    if schema is None:
        return None

    output = resolve(_result(f"/{endpoint.strip('/')}", paths), document)
    return {"input": reduce_schema(resolve(schema, document)), "outputs": outputs_of(output)}


def _body(path: Any, method: str) -> Mapping[str, Any] | None:
    operation = path.get(method) if isinstance(path, Mapping) else None
    return _json_of((operation or {}).get("requestBody"))


def _json_of(holder: Any) -> Mapping[str, Any] | None:
    if not isinstance(holder, Mapping):
        return None

    content = holder.get("content") or {}
    schema = (content.get("application/json") or {}).get("schema")
    return schema if isinstance(schema, Mapping) else None


def _result(path: str, paths: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of the result: of the queue's last answer, else of the POST's."""
    for place, method in ((f"{path}/requests/{{request_id}}", "get"), (path, "post")):
        operation = (paths.get(place) or {}).get(method) or {}
        schema = _json_of((operation.get("responses") or {}).get("200"))
        if schema is not None:
            return schema

    return {}


def resolve(schema: Any, document: Mapping[str, Any], depth: int = 0) -> Any:
    """Return a schema with every reference replaced by what it refers to; `{}` for what is not."""
    if isinstance(schema, list):
        return [resolve(item, document, depth) for item in schema]

    if not isinstance(schema, Mapping):
        return schema

    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return {name: resolve(value, document, depth) for name, value in schema.items()}

    beside = {name: value for name, value in schema.items() if name != "$ref"}
    target: Any = document
    for part in reference.removeprefix("#/").split("/"):
        target = target.get(part) if isinstance(target, Mapping) else None

    if depth >= DEEPEST or not isinstance(target, Mapping):
        return resolve(beside, document, depth)

    return {**resolve(target, document, depth + 1), **resolve(beside, document, depth + 1)}


def reduce_schema(schema: Mapping[str, Any]) -> JsonObject:
    """Return an input schema with its properties in the provider's own order, and nothing unread.

    Args:
        schema: An object's schema without references.
    """
    merged = _merged(schema)
    properties = merged.get("properties") or {}
    order = [name for name in merged.get("x-fal-order-properties") or () if name in properties]
    names = [*order, *(name for name in properties if name not in order)]
    reduced: JsonObject = {
        "properties": {name: _property(name, properties[name]) for name in names}
    }
    required = [name for name in merged.get("required") or () if name in properties]
    if required:
        reduced["required"] = required

    return reduced


def _merged(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema with the parts of its `allOf` in one."""
    parts = schema.get("allOf")
    if not isinstance(parts, list):
        return schema

    whole: JsonObject = {name: value for name, value in schema.items() if name != "allOf"}
    for part in (_merged(part) for part in parts if isinstance(part, Mapping)):
        properties = {**(part.get("properties") or {}), **(whole.get("properties") or {})}
        required = [*(whole.get("required") or ()), *(part.get("required") or ())]
        whole = {**part, **whole}
        if properties:
            whole["properties"] = properties
        if required:
            whole["required"] = required

    return whole


def _property(name: str, schema: Any, depth: int = 0) -> JsonObject:
    if not isinstance(schema, Mapping):
        return {}

    reduced = _type(name, _merged(schema), depth)
    default = schema.get("default")
    if default is not None and len(str(default)) <= LONGEST_DEFAULT:
        reduced["default"] = default

    if schema.get("deprecated") is True:
        reduced["deprecated"] = True

    described = schema.get("description") or schema.get("title")
    if isinstance(described, str) and DESCRIBED.search(name):
        reduced["description"] = " ".join(described.split())[:SHORT]

    return reduced


def _type(name: str, schema: Mapping[str, Any], depth: int) -> JsonObject:
    """Return types and limits; `null` among the types becomes `nullable`."""
    branches = [
        branch
        for key in ("anyOf", "oneOf")
        for branch in schema.get(key) or ()
        if branch is not None
    ]
    if branches:
        return _union(name, schema, branches, depth)

    kinds = schema.get("type")
    listed = kinds if isinstance(kinds, list) else [kinds] if kinds else []
    real = [kind for kind in listed if kind != "null"]
    reduced: JsonObject = {}
    if schema.get("nullable") is True or "null" in listed:
        reduced["nullable"] = True

    if len(real) > 1:
        reduced["anyOf"] = [_type(name, {**schema, "type": kind}, depth) for kind in real]
        return reduced

    if real:
        reduced["type"] = real[0]

    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(values, list):
        reduced["enum"] = [value for value in values if value is not None]

    reduced |= {limit: schema[limit] for limit in LIMITS if schema.get(limit) is not None}
    return reduced | _inside(name, schema, depth)


def _union(name: str, schema: Mapping[str, Any], branches: list[Any], depth: int) -> JsonObject:
    reduced = [
        _type(name, _merged(branch), depth) for branch in branches if isinstance(branch, Mapping)
    ]
    kept = [
        branch
        for branch in reduced
        if branch.get("type") != "null" and branch not in ({}, {"nullable": True})
    ]
    nullable = len(kept) < len(reduced) or any(branch.get("nullable") for branch in kept)
    nullable = nullable or schema.get("nullable") is True
    if not kept and any(branch == {} for branch in reduced):
        return {"nullable": True} if nullable else {}

    whole: JsonObject = dict(kept[0]) if len(kept) == 1 else {"anyOf": kept}
    if nullable:
        whole["nullable"] = True

    return whole


def _inside(name: str, schema: Mapping[str, Any], depth: int) -> JsonObject:
    """Return what an array or an object holds; objects without media only say that they are one."""
    items = schema.get("items")
    if isinstance(items, Mapping):
        return {"items": _property(name, items, depth + 1)}

    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or depth > 2:  # noqa: PLR2004
        return {}

    required = [name for name in schema.get("required") or () if name in properties]
    if not any(MEDIA.search(property_) or _sized(property_) for property_ in properties):
        return {"required": required} if required else {}

    inside: JsonObject = {
        "properties": {
            name: _property(name, value, depth + 1) for name, value in properties.items()
        }
    }
    if required:
        inside["required"] = required

    return inside


def _sized(name: str) -> bool:
    return name in {"width", "height", "ratio", "aspect_ratio", "duration", "resolution"}


def outputs_of(schema: Mapping[str, Any]) -> list[str]:
    """Return what a result holds: `video`, `image`, `audio`, `3d`, else `other`; empty if unknown.

    Args:
        schema: The result's schema without references.
    """
    properties = _merged(schema).get("properties") or {}
    if not properties:
        return []

    names = [name for name, value in properties.items() if _is_media(value)]
    main = [name for name in names if not BESIDE.search(name)]
    for some in (main, names):
        kinds = [kind for kind, word in OUTPUTS.items() if any(map(word.search, some))]
        if kinds:
            return kinds

    return ["other"]


def _is_media(schema: Any) -> bool:
    """Tell whether a part of a result can hold a file: an object, a list, or text (a URL)."""
    return any(
        branch.get("type") in {"object", "array", "string", None} for branch in _branches(schema)
    )


def _branches(schema: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(schema, Mapping):
        return

    branches = [*(schema.get("anyOf") or ()), *(schema.get("oneOf") or ())]
    if not branches:
        yield schema

    for branch in branches:
        if isinstance(branch, Mapping) and branch.get("type") != "null":
            yield branch
