"""Models of the catalogue that ships with the package, as the tests of this folder walk them."""

from __future__ import annotations

from functools import cache
from typing import Any

from tarash.tarash_gateway.catalog import shipped_records

Generator = tuple[str, str, dict[str, Any]]


@cache
def records() -> dict[str, dict[str, Any]]:
    """Return all records of fal's models, by id."""
    return dict(shipped_records("fal"))


@cache
def generators() -> tuple[Generator, ...]:
    """Return id, kind and record of every model that makes videos or images from a prompt."""
    return tuple(
        (model, kind, record)
        for model, record in records().items()
        for kind in ("video", "image")
        if kind in record["outputs"] and "prompt" in record["input"]["properties"]
    )
