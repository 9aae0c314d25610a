"""Replicate: any model by its own schema."""

from __future__ import annotations

from ...catalog import Schemas
from .._provider import Key, Provider

__all__ = ["provider"]

provider = Provider(
    name="replicate",
    title="Replicate",
    adapter=f"{__name__}.adapter:adapter",
    keys=(Key("REPLICATE_API_TOKEN"),),
    models=f"{__name__}.models",
    extra="replicate",
    requires="replicate",
    schemas=Schemas(f"{__name__}.schemas", hosts=("replicate.com",), on_first_use=True),
)
