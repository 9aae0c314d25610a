"""fal: every endpoint that its schemas describe."""

from __future__ import annotations

from ...catalog import Schemas, Tariffs
from .._provider import KeyVariable, Provider

__all__ = ["provider"]

provider = Provider(
    name="fal",
    title="fal",
    adapter=f"{__name__}.adapter:adapter",
    keys=(KeyVariable("FAL_KEY"),),
    models=f"{__name__}.models",
    extra="fal",
    requires="fal_client",
    schemas=Schemas(
        f"{__name__}.schemas", hosts=("fal.ai", "fal.run"), listed=True, on_first_use=True
    ),
    prices=Tariffs(f"{__name__}.prices", "fal's pricing API", hosts=("fal.ai", "fal.run")),
)
