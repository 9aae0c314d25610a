"""Writes providers/runway/models.json: what each Runway model takes at each endpoint.

Read from the types of the installed `runwayml`: parameters from the annotations, limits from the
docstrings beside them, which the annotations can't say. Run it after an update of the SDK:
`python tools/build_runway.py`.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from typing_extensions import is_typeddict  # the SDK's are its, which the standard one disowns

DATA = Path(__file__).parents[1] / "tarash/tarash_gateway/providers/runway/models.json"
ENDPOINTS = {
    "text_to_video": "TextToVideoCreateParams",
    "image_to_video": "ImageToVideoCreateParams",
    "video_to_video": "VideoToVideoCreateParams",
    "video_upscale": "VideoUpscaleCreateParams",
    "video_to_hdr": "VideoToHdrCreateParams",
    "character_performance": "CharacterPerformanceCreateParams",
    "text_to_image": "TextToImageCreateParams",
    "image_upscale": "ImageUpscaleCreateParams",
}
PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}
NUMBERS = {"one": 1, "three": 3, "four": 4, "five": 5, "nine": 9, "ten": 10}
MOST = re.compile(r"(?:up to|\d+ to|one to) (\d+|[a-z]+)\b(?! ?MB)", re.IGNORECASE)
SPAN = re.compile(r"(?:from|between|\() ?(\d+)(?: to | and |-)(\d+)")
LONGEST = re.compile(r"up to ([\d,]+) characters")
DEPRECATED = re.compile(r"`(\w+)` - Deprecated")

Docs = Mapping[tuple[str, str], str]


def build() -> dict[str, Any]:
    """Return what the file holds."""
    import runwayml

    return {
        "source": f"runwayml {runwayml.__version__}",
        "endpoints": {path: _endpoint(path, name) for path, name in ENDPOINTS.items()},
    }


def render(data: Mapping[str, Any]) -> str:
    """Return the file's text: compact, with a line for each model, for readable differences."""
    parts = []
    for path, models in data["endpoints"].items():
        lines = [f"{json.dumps(model)}:{_compact(schema)}" for model, schema in models.items()]
        parts.append(f"{json.dumps(path)}:{{\n" + ",\n".join(lines) + "\n}")

    head = f'{{"source":{json.dumps(data["source"])},"endpoints":{{\n'
    return head + ",\n".join(parts) + "\n}}\n"


def _compact(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, separators=(",", ":"), ensure_ascii=False)


def _endpoint(path: str, name: str) -> dict[str, Any]:
    module = import_module(f"runwayml.types.{path}_create_params")
    docs = _docs(inspect.getsource(module))
    params = getattr(module, name)
    found = {}
    for member in get_args(params) or (params,):
        schema = _object(member, docs)
        (model,) = schema["properties"].pop("model")["enum"]
        schema["required"].remove("model")
        found[model] = schema

    return found


def _docs(source: str) -> Docs:
    """Return the docstring beside each attribute, by class and attribute."""
    found = {}
    classes = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    for node in classes:
        for field, after in zip(node.body, node.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                value = after.value if isinstance(after, ast.Expr) else None
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    found[node.name, field.target.id] = " ".join(value.value.split())

    return found


def _object(member: Any, docs: Docs) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required = []
    for name, hint in typing.get_type_hints(member, include_extras=True).items():
        wire, needed, bare = _unwrapped(name, hint)
        said = docs.get((member.__name__, name), "")
        properties[wire] = _limited(_shown_frames(name, _schema(bare, docs), said), said)
        if needed:
            required.append(wire)

    return {"properties": properties, "required": required}


def _unwrapped(name: str, hint: Any) -> tuple[str, bool, Any]:
    """Return wire name, whether it is required, and the bare annotation."""
    needed = False
    while True:
        origin = get_origin(hint)
        if origin is typing.Required:
            needed, hint = True, get_args(hint)[0]
        elif origin is typing.Annotated:
            hint, *notes = get_args(hint)
            name = next((note.alias for note in notes if getattr(note, "alias", None)), name)
        else:
            return name, needed, hint


def _schema(hint: Any, docs: Docs) -> dict[str, Any]:
    origin = get_origin(hint)
    if hint in PLAIN:
        return {"type": PLAIN[hint]}

    if origin is Literal:
        return {"enum": list(get_args(hint))}

    if origin in (Union, UnionType):
        return {"anyOf": [_schema(one, docs) for one in get_args(hint)]}

    if origin is not None and isinstance(origin, type) and issubclass(origin, Iterable):
        return {"type": "array", "items": _schema(get_args(hint)[0], docs)}

    return {"type": "object", **_object(hint, docs)} if is_typeddict(hint) else {}


def _shown_frames(name: str, schema: dict[str, Any], said: str) -> dict[str, Any]:
    """Fill in the items that the types leave open (`object`) and the docstring describes."""
    for one in _alternatives(schema):
        if name == "prompt_image" and one.get("items") == {}:
            position = {"enum": ["first", "last"]}
            needed = ["uri"] if "omit position" in said else ["uri", "position"]
            properties = {"uri": {"type": "string"}, "position": position}
            one["items"] = {"type": "object", "properties": properties, "required": needed}

    return schema


def _limited(schema: dict[str, Any], said: str) -> dict[str, Any]:
    """Add the limits that the docstring states."""
    old = DEPRECATED.findall(said)
    for one in _alternatives(schema):
        kind = one.get("type")
        if "enum" in one:
            one["enum"] = [value for value in one["enum"] if value not in old]
        elif kind == "array" and (most := MOST.search(said)):
            one["maxItems"] = int(NUMBERS.get(most[1], most[1]))
        elif kind in ("integer", "number") and (span := SPAN.search(said)):
            one["minimum"], one["maximum"] = int(span[1]), int(span[2])
        elif kind == "string" and (longest := LONGEST.search(said)):
            one["maxLength"] = int(longest[1].replace(",", ""))

    return schema


def _alternatives(schema: dict[str, Any]) -> Sequence[dict[str, Any]]:
    found: Sequence[dict[str, Any]] = schema.get("anyOf", [schema])
    return found


if __name__ == "__main__":
    DATA.parent.mkdir(exist_ok=True)
    DATA.write_text(render(build()), encoding="utf-8")
