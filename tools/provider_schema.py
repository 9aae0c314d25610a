"""Writes the JSON Schema of a provider's file, for editors; a test holds it in step.

Run it from the repository's root: `python tools/provider_schema.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

from tarash.tarash_gateway.providers import declaration_schema

PLACE = Path(__file__).parents[1] / "docs" / "_static" / "provider.schema.json"


def written() -> str:
    """Return the schema as it stands in the file."""
    return json.dumps(declaration_schema(), indent=1) + "\n"


if __name__ == "__main__":
    PLACE.write_text(written(), encoding="utf-8")
