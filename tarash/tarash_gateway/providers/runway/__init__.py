"""Runway: its own models and those of others that it serves."""

from __future__ import annotations

from .._provider import KeyVariable, Provider

__all__ = ["provider"]

provider = Provider(
    name="runway",
    title="Runway",
    adapter=f"{__name__}.adapter:adapter",
    keys=(KeyVariable("RUNWAYML_API_SECRET"),),
    models=f"{__name__}.models",
    extra="runway",
    requires="runwayml",
)
