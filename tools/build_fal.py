"""Builds the catalogue file of fal: `python tools/build_fal.py FILES…`.

For developers. FILES are answers of fal's models API (`GET /v1/models?expand=openapi-3.0`), each
one page or `{"pages": [...], "earlier_snapshots": [...]}`, or schemas by id in `endpoints`; gzip is
read too. Earlier files win over later ones. Reads no network.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tarash.tarash_gateway._data._types import JsonObject
from tarash.tarash_gateway.catalog._archive import pack
from tarash.tarash_gateway.catalog._records import TYPES, records_of, words_of
from tarash.tarash_gateway.catalog._reduce import outputs_of, reduce_schema
from tarash.tarash_gateway.catalog._schema_store import SHIPPED

DESTINATION = SHIPPED / "fal.shelf"
RANGES = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "maxItems")


def build(answers: list[Mapping[str, Any]]) -> bytes:
    """Return the content of the catalogue file.

    Args:
        answers: The parsed files.
    """
    listed = records_of(_models(answers, "pages"))
    gone = records_of(_models(answers, "earlier_snapshots"))
    sound = {**{model: {**record, "unlisted": True} for model, record in gone.items()}, **listed}
    now_listed = {
        model.get("endpoint_id")
        for model in _models(answers, "pages")
        if isinstance(model, Mapping)
    }
    for model in now_listed & gone.keys():
        sound[str(model)].pop("unlisted", None)

    types: dict[str, Any] = {}
    for answer in answers:
        types |= answer.get("endpoints") or {}

    weak = mend(records_of_types(types), sound)
    dates = [str(answer["recorded"]) for answer in answers if "recorded" in answer]
    facts = {"provider": "fal", "recorded": max(dates, default=None)}
    return pack({**weak, **sound}, facts)


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


def _models(answers: list[Mapping[str, Any]], section: str) -> Iterator[Any]:
    for answer in answers:
        pages = answer.get(section) or (
            [answer] if section == "pages" and "models" in answer else []
        )
        for page in pages:
            yield from page.get("models") or ()


def _read(path: Path) -> Mapping[str, Any]:
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)

    answer: Mapping[str, Any] = json.loads(content)
    return answer


def main(arguments: list[str] | None = None) -> None:
    """Build the file from the files that the command line names."""
    parser = argparse.ArgumentParser(description="Build the catalogue file of fal.")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--output", type=Path, default=DESTINATION)
    chosen = parser.parse_args(arguments)
    content = build([_read(path) for path in chosen.files])
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_bytes(content)
    sys.stdout.write(f"{chosen.output}: {len(content)} bytes\n")


if __name__ == "__main__":
    main()
