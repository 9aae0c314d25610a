"""Makes catalogue records of what Replicate says of its models, and knows where it says it.

Asks through whatever it is given: the adapter's client, or a session of its own.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from ..._data._types import JsonObject
from ..._http._urls import segment
from ..._support._mime import type_by_name
from ...catalog import Get
from ...catalog._records import dated
from ...catalog._reduce import reduce_schema, resolve

MODEL = re.compile(
    r"(?P<deployment>deployments/)?(?P<owner>[\w.-]+)/(?P<name>[\w.-]+)(?::(?P<version>[\w.-]+))?"
)

API = "https://api.replicate.com"
AUTHORIZATION = ("Bearer", "REPLICATE_API_TOKEN")
DOCUMENT_PART = "component Input with a"

GetPath = Callable[[str], Awaitable[Any]]
"""Returns the JSON at a path below the API's version; None where there is nothing."""


async def read_one(get: Get, base_url: str | None, model: str) -> JsonObject | None:
    """Return the record of one model; None where Replicate doesn't say what it takes."""
    origin = (base_url or API).removesuffix("/v1")
    return await read_record(lambda path: get(f"{origin}/v1/{path}", {}), model)


def read_document(_model: str, document: Mapping[str, Any]) -> JsonObject | None:
    """Return the record in a version's OpenAPI document; None where it describes no input."""
    return record_of_document(document)


async def read_record(get: GetPath, model: str) -> JsonObject | None:
    """Ask what a model takes; return its record, or None where Replicate doesn't say.

    Args:
        get: Asks Replicate.
        model: `owner/name`, `owner/name:version` or `deployments/owner/name`. A bare version can't
            be asked for.

    Raises:
        TarashException: No answer came, or one with an error status other than 404.
    """
    match = MODEL.fullmatch(model)
    if match is None:
        return None

    owner, name, version = match["owner"], match["name"], match["version"]
    if match["deployment"]:
        deployment = await get(f"deployments/{segment(owner)}/{segment(name)}")
        release = deployment.get("current_release") if isinstance(deployment, Mapping) else None
        owner, _, name = str((release or {}).get("model") or "").partition("/")
        version = (release or {}).get("version")
        if not owner or not name or not version:
            return None

    about = f"models/{segment(owner)}/{segment(name)}"
    about += f"/versions/{segment(version)}" if version else ""
    answer = await get(about)
    return record_of(answer) if isinstance(answer, Mapping) else None


def record_of(answer: Mapping[str, Any]) -> JsonObject | None:
    """Return the record of a model or of a version, as Replicate answers; None without a schema."""
    version = answer if "openapi_schema" in answer else answer.get("latest_version")
    document = version.get("openapi_schema") if isinstance(version, Mapping) else None
    record = record_of_document(document) if isinstance(document, Mapping) else None
    if record is None:
        return None

    made = _made(answer.get("default_example"))
    return dated({**record, **({"outputs": [made]} if made else {})})


def record_of_document(document: Mapping[str, Any]) -> JsonObject | None:
    """Return the record of a model's OpenAPI document; None where it doesn't describe its input."""
    schemas = (document.get("components") or {}).get("schemas") or {}
    described = resolve(schemas.get("Input") or {}, document)
    properties = described.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        return None

    ordered = sorted(properties, key=lambda name: _order(properties[name]))
    reduced = reduce_schema(
        {**described, "properties": {name: properties[name] for name in ordered}}
    )
    return {"input": reduced, "outputs": []}


def _order(schema: Any) -> float:
    order = schema.get("x-order") if isinstance(schema, Mapping) else None
    return order if isinstance(order, int | float) else float("inf")


def _made(example: Any) -> str | None:
    """Return what a model makes, by the file that its own example has made; None if it has none."""
    output = example.get("output") if isinstance(example, Mapping) else None
    for text in _texts(output):
        kind = (type_by_name(text) or "").partition("/")[0]
        if kind in {"video", "image", "audio"}:
            return kind

    return None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | Mapping):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item)
