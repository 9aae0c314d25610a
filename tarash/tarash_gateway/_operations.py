"""Tells whether what was stored, or handed over, is an operation: it may come from anywhere."""

from __future__ import annotations

import math
from typing import Any

TEXTS = ("provider", "model", "kind", "id", "submitted_at")
DEEPEST = 32
"""Objects within objects that an operation may have."""


def wrong_in(stored: Any) -> str | None:
    """Return what keeps a stored operation from being one; None where it is one."""
    if not isinstance(stored, dict):
        return "it is no object"

    for name in TEXTS:
        if not isinstance(stored.get(name), str):
            return f"{name!r} is missing, or no text"

    for name in ("urls", "data"):
        if not isinstance(stored.get(name, {}), dict):
            return f"{name!r} is no object"

    if not all(isinstance(url, str) for url in stored.get("urls", {}).values()):
        return "an address in 'urls' is no text"

    pause = stored.get("data", {}).get("retry_after")
    if pause is not None and not (isinstance(pause, int | float) and 0 <= pause < math.inf):
        return "'retry_after' is no number of seconds"

    return "it is nested too deeply" if _is_deeper(stored, DEEPEST) else None


def _is_deeper(value: Any, than: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return False

    return than == 0 or any(_is_deeper(one, than - 1) for one in inner)
