"""Writes forms: media become parts with a file name and a type, objects JSON, the rest text."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

from .._http._aiohttp import aiohttp
from .._support._mime import named
from ..media import from_data_uri


def is_file(value: Any) -> bool:
    """Tell whether a value is media in bytes."""
    return isinstance(value, Mapping) and isinstance(value.get("content"), bytes)


def add_file(form: aiohttp.FormData, part: str, media: Mapping[str, Any], stem: str) -> None:
    """Add media to a form, under a file name that fits their type."""
    kind = media["content_type"]
    # As a stream: aiohttp warns of any megabyte that it is handed as bytes.
    content = io.BytesIO(media["content"])
    form.add_field(part, content, filename=named(stem, kind), content_type=kind)


def written(value: Any) -> str:
    """Return a value as a form has it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def multipart(fields: Mapping[str, Any]) -> aiohttp.FormData:
    """Return fields as a form in parts, also where none of them is a file."""
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        if is_file(value):
            add_file(form, name, value, name)
        else:
            form.add_field(name, written(value))

    return form


def split(body: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[str, Any]] | None]:
    """Return the plain fields of a body, and its media as the parts of a form."""
    fields: dict[str, Any] = {}
    files: list[tuple[str, Any]] = []
    for name, value in body.items():
        values = value if isinstance(value, list | tuple) else [value]
        if not values or not all(is_file(value) for value in values):
            fields[name] = value
            continue

        # As the SDK names them: `image` for one, `image[]` for each of several.
        part = name if len(values) == 1 else f"{name}[]"
        for number, file in enumerate(values):
            kind = file["content_type"]
            # As a stream: of bytes, all would be copied to the connection at once, and aiohttp
            # warns of any megabyte.
            content = io.BytesIO(file["content"])
            files.append((part, (named(f"{name}-{number}", kind), content, kind)))

    return fields, files or None


def as_part(value: Any, name: str) -> Any:
    """Return media that a mapper wrote as a data URI as the bytes that a form takes."""
    if isinstance(value, list):
        return [as_part(item, name) for item in value]

    # A plan's placeholders are of a type of their own, and stay.
    return (from_data_uri(value, name) or value) if type(value) is str else value


def form_of(body: Mapping[str, Any], *, always: bool) -> aiohttp.FormData | None:
    """Return a body as a form of our own session: objects in it as JSON.

    Args:
        body: Plain fields, and media as bytes with their type.
        always: Whether it is a form also without a file; otherwise that is None.
    """
    fields, files = split(body)
    if files is None and not always:
        return None

    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        form.add_field(name, written(value))

    for part, (name, content, kind) in files or ():
        form.add_field(part, content, filename=name, content_type=kind)

    return form
