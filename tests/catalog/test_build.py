"""The catalogue file: what is kept of a document, how it is packed, and what is marked as weak."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tarash.tarash_gateway.catalog import shipped_records
from tarash.tarash_gateway.catalog._archive import RecordArchive, pack
from tarash.tarash_gateway.catalog._reduce import outputs_of, reduce_document
from tarash.tarash_gateway.catalog._schema_store import SHIPPED
from tools import build_fal

LARGEST_FILE = 500_000


def document(endpoint: str, properties: dict[str, Any], **schemas: Any) -> dict[str, Any]:
    """Return an OpenAPI document of the kind that fal publishes."""
    reference = {"$ref": "#/components/schemas/In"}
    return {
        "components": {
            "schemas": {
                "In": {"type": "object", "properties": properties, "required": ["prompt"]},
                "Out": {"properties": {"video": {"$ref": "#/components/schemas/File"}}},
                **schemas,
            }
        },
        "paths": {
            f"/{endpoint}": {
                "post": {"requestBody": {"content": {"application/json": {"schema": reference}}}}
            },
            f"/{endpoint}/requests/{{request_id}}": {
                "get": {
                    "responses": {
                        "200": {
                            "content": {
                                "application/json": {"schema": {"$ref": "#/components/schemas/Out"}}
                            }
                        }
                    }
                }
            },
        },
    }


def listed(endpoint: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"endpoint_id": endpoint, "openapi": document(endpoint, properties), **more}


def test_references_unions_and_nulls_are_flattened() -> None:
    properties = {
        "prompt": {"type": "string", "examples": ["long text"], "title": "Prompt"},
        "seed": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]},
        "old": {"type": "string", "nullable": True},
        "mode": {"const": "fast"},
        "size": {
            "anyOf": [{"$ref": "#/components/schemas/Size"}, {"enum": ["a"], "type": "string"}]
        },
        "lost": {"$ref": "#/components/schemas/Nowhere"},
        "itself": {"$ref": "#/components/schemas/Loop"},
    }
    schemas = {
        "Size": {"type": "object", "properties": {"width": {"type": "integer"}}},
        "Loop": {"type": "object", "properties": {"url": {"$ref": "#/components/schemas/Loop"}}},
    }
    reduced = reduce_document("a/b", document("a/b", properties, **schemas))
    assert reduced is not None
    found = reduced["input"]["properties"]
    assert found["prompt"] == {"type": "string"}
    assert found["seed"] == {"type": "integer", "minimum": 0, "nullable": True}
    assert found["old"] == {"type": "string", "nullable": True}
    assert found["mode"] == {"enum": ["fast"]}
    assert found["size"]["anyOf"][1] == {"type": "string", "enum": ["a"]}
    assert found["lost"] == {}
    assert reduced["input"]["required"] == ["prompt"]


def test_a_failed_expansion_is_no_record() -> None:
    assert reduce_document("a/b", {"error": {"code": "expansion_failed"}}) is None


@pytest.mark.parametrize(
    ("names", "outputs"),
    [
        (["video", "seed"], ["video"]),
        (["images", "debug_video"], ["image"]),
        (["audio"], ["audio"]),
        (["text"], ["other"]),
        ([], []),
    ],
)
def test_what_is_made_is_told_by_the_names_of_the_result(
    names: list[str], outputs: list[str]
) -> None:
    assert outputs_of({"properties": {name: {"type": "object"} for name in names}}) == outputs


def test_a_shelf_gives_back_what_was_put_on_it() -> None:
    records = {f"model/{number}": {"number": number, "text": "x" * number} for number in range(50)}
    shelf = RecordArchive(pack(records, {"recorded": "2026-01-01"}))
    assert dict(shelf.records()) == records
    assert shelf.get("model/7") == {"number": 7, "text": "x" * 7}
    assert shelf.get("model/50") is None
    assert shelf.facts == {"recorded": "2026-01-01"}


@pytest.mark.parametrize("content", [b"", b"TGC1", b"nonsense" * 9, b"TGC1" + b"\0" * 40])
def test_a_broken_file_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.shelf"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="catalogue file"):
        RecordArchive.open(path)


def test_weak_schemas_take_types_from_their_sound_relatives(tmp_path: Path) -> None:
    seconds = {"type": "integer", "enum": [5, 10], "default": 5}
    pages = {
        "recorded": "2026-02-03",
        "pages": [
            {"models": [listed("a/fast/one", {"prompt": {"type": "string"}, "duration": seconds})]}
        ],
        "earlier_snapshots": [{"models": [listed("a/gone", {"prompt": {"type": "string"}})]}],
    }
    types = {
        "endpoints": {
            "a/fast/two": {
                "input": {"properties": {"duration": {"type": "string", "enum": ["5", "10"]}}},
                "output": {"properties": {"video": {"type": "object"}}},
            }
        }
    }
    first, second, output = (tmp_path / name for name in ("pages.json.gz", "types.json", "out"))
    first.write_bytes(gzip.compress(json.dumps(pages).encode()))
    second.write_text(json.dumps(types))
    build_fal.main([str(first), str(second), "--output", str(output)])

    shelf = RecordArchive.open(output)
    weak = shelf.get("a/fast/two")
    assert weak is not None
    assert weak["weakness"] == "types"
    assert weak["input"]["properties"]["duration"] == {"type": "integer", "enum": [5, 10]}
    gone = shelf.get("a/gone")
    assert gone is not None
    assert gone["unlisted"]
    assert shelf.facts["recorded"] == "2026-02-03"


def test_what_ships_is_small_and_complete() -> None:
    assert (SHIPPED / "fal.shelf").stat().st_size <= LARGEST_FILE
    records = dict(shipped_records("fal"))
    assert len(records) > 1400
    assert all(record["input"]["properties"] is not None for record in records.values())
