"""Writes forms: media become parts with a file name and a type, objects JSON, the rest text."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._support._mime import named

if TYPE_CHECKING:
    import aiohttp


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
    import aiohttp

    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        if is_file(value):
            add_file(form, name, value, name)
        else:
            form.add_field(name, written(value))

    return form
