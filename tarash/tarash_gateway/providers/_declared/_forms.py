"""Writes bodies as forms, as a declaration says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._http._aiohttp import aiohttp
from .._forms import add_file, is_file, written
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
