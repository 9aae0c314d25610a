"""Stability AI: images, over plain REST."""

from __future__ import annotations

from .._provider import KeyVariable, Provider

__all__ = ["provider"]

provider = Provider(
    name="stability",
    title="Stability AI",
    adapter=f"{__name__}.adapter:adapter",
    keys=(KeyVariable("STABILITY_API_KEY"),),
    models=f"{__name__}.models",
    modalities=("image",),
)
