"""Replicate: any model by its own schema."""

from __future__ import annotations

from ...catalog import Schemas
from .._provider import KeyVariable, Provider

__all__ = ["provider"]

provider = Provider(
    name="replicate",
    title="Replicate",
    adapter=f"{__name__}.adapter:adapter",
    keys=(KeyVariable("REPLICATE_API_TOKEN"),),
    models=f"{__name__}.models",
    extra="replicate",
    requires="replicate",
    schemas=Schemas(f"{__name__}.schemas", hosts=("replicate.com",), on_first_use=True),
)
