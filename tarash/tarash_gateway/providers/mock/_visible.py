"""What may be shown of a request: JSON, with a placeholder where it holds media. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ...media import placeholder


def visible(value: Any) -> Any:
    """Return a value as JSON, with a placeholder where it holds media."""
    if isinstance(value, Mapping):
        if isinstance(value.get("content"), bytes) and "content_type" in value:
            return placeholder(cast("Any", value))

        return {str(name): visible(item) for name, item in value.items()}

    if isinstance(value, list | tuple):
        return [visible(item) for item in value]

    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"

    if isinstance(value, str):
        return _visible_text(value)

    return value if isinstance(value, int | float | None) else str(value)


def _visible_text(text: str) -> str:
    head, _, data = text.partition(",")
    if not (head[:5].lower() == "data:" and head.endswith(";base64")):
        return text

    kind = head[5:].partition(";")[0]
    return f"<{kind}, {len(data) * 3 // 4 - data[-2:].count('=')} bytes>"
