"""Media on their way to a provider and back. Nothing here decides what is sent."""

from __future__ import annotations

from ._inputs import (
    check,
    data_uri,
    from_data_uri,
    placeholder,
    plan_media,
    prepare,
    to_wire,
)

__all__ = [
    "check",
    "data_uri",
    "from_data_uri",
    "placeholder",
    "plan_media",
    "prepare",
    "to_wire",
]
