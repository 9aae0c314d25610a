"""Functions that stand in a declaration by name, imported when they are first called."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def hook(place: str) -> Any:
    """Return a function that stands at `module:name`."""
    module, _, name = place.partition(":")

    def call(*arguments: Any, **named: Any) -> Any:
        return getattr(import_module(module), name)(*arguments, **named)

    return call
