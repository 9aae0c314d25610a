"""Reads what stands at a place in a body, by names with dots between. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOTHING: tuple[Any, ...] = (None, "", [], {})
LONGEST_INDEX = 5
"""Digits of a place in a list."""


def values_at(body: Any, path: str) -> list[Any]:
    """Return all values at a path; `name[]` goes into each of a list, and a number into one."""
    values = [body]
    for name in path.split("."):
        plain = name.removesuffix("[]")
        values = [inner for value in values if (inner := _inside(value, plain)) is not None]
        if name.endswith("[]"):
            values = [inner for value in values if isinstance(value, list) for inner in value]

    return values


def value_at(body: Any, path: str | None) -> Any:
    """Return the first value at a path (`error.message`, `issues.0.path`); None for nothing."""
    if path and type(body) is dict and path in body and path.isidentifier():
        return body[path]  # as for most fields of most polls

    return next(iter(values_at(body, path)), None) if path else None


def _inside(value: Any, name: str) -> Any:
    if not name:
        return value

    if isinstance(value, Mapping):
        return value.get(name)

    is_index = name.isascii() and name.isdigit() and len(name) <= LONGEST_INDEX
    if isinstance(value, list) and is_index and int(name) < len(value):
        return value[int(name)]

    return None
