"""Luma: the Dream Machine API and the Agents API under one name."""

from __future__ import annotations

from .._provider import KeyVariable, Provider

__all__ = ["provider"]

provider = Provider(
    name="luma",
    title="Luma",
    adapter=f"{__name__}.adapter:adapter",
    keys=(KeyVariable("LUMAAI_API_KEY"), KeyVariable("LUMA_AGENTS_API_KEY", "ray-3.2")),
    models=f"{__name__}.models",
    extra="luma",
    requires="lumaai",
)
