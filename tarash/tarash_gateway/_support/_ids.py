"""Makes the ids that the gateway gives to requests before a provider has named a job."""

from __future__ import annotations

import uuid


def generate_unique_id() -> str:
    """Return a new id, unique across machines: `tarash-` and 32 hexadecimal digits."""
    return f"tarash-{uuid.uuid4().hex}"
