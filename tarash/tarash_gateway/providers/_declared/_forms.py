"""Writes bodies as forms: media become files, objects JSON, and the rest text."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

from ..._http._aiohttp import aiohttp
from ..._support._mime import named
from ._stages import Submit


def form_of(body: Mapping[str, Any], way: Submit) -> aiohttp.FormData:
    """Return a body as a form, as a submit says it."""
    form = aiohttp.FormData(default_to_multipart=way.sends == "multipart")
    for name, value in body.items():
        values = value if isinstance(value, list | tuple) else [value]
        files = [one for one in values if is_file(one)]
        plain = [one for one in values if not is_file(one)]
        several = len(values) > 1 or isinstance(value, list | tuple)
        part = f"{name}[]" if several and way.file_lists == "name[]" else name
        for number, one in enumerate(files):
            add_file(form, part, one, f"{name}-{number}")

        if files and plain:  # a reference, or an address, beside files
            for one in plain:
                form.add_field(part, written(one))
        elif not files:
            form.add_field(name, written(value))

    return form


def is_file(value: Any) -> bool:
    """Tell whether a value is media in bytes."""
    return isinstance(value, Mapping) and isinstance(value.get("content"), bytes)


def add_file(form: aiohttp.FormData, part: str, media: Mapping[str, Any], stem: str) -> None:
    """Add media to a form, under a file name that fits their type."""
    kind = media["content_type"]
    form.add_field(
        part, io.BytesIO(media["content"]), filename=named(stem, kind), content_type=kind
    )


def written(value: Any) -> str:
    """Return a value as a form has it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
