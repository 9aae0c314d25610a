"""Every key that a provider's file may have stands in the guide."""

from __future__ import annotations

import json
from pathlib import Path

from tools.provider_schema import written

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "declared-providers.md"
FUTURE = {"Webhook"}
"""Tables that are kept as data, and have no rows of their own yet."""


def test_every_key_is_in_the_guide() -> None:
    text = PAGE.read_text("utf-8")
    schema = json.loads(written())
    parts = {name: one for name, one in schema["$defs"].items() if name not in FUTURE}
    keys = {key for part in (schema, *parts.values()) for key in part.get("properties", {})}
    assert sorted(key for key in keys if key not in text) == []
