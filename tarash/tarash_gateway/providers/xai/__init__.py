"""xAI: Grok Imagine videos and images, over plain REST."""

from __future__ import annotations

from .._provider import KeyVariable, Provider

__all__ = ["provider"]

provider = Provider(
    name="xai",
    title="xAI",
    adapter=f"{__name__}.adapter:adapter",
    keys=(KeyVariable("XAI_API_KEY"),),
    models=f"{__name__}.models",
    extra="xai",
)
