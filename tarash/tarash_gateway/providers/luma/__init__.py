"""Luma: the Dream Machine API and the Agents API, each with a host and a key of its own."""

from __future__ import annotations

from .._folders import declared_folder
from .._provider import KeyVariable

__all__ = ["provider"]

provider = declared_folder(
    __name__,
    "luma",
    "Luma",
    keys=("LUMAAI_API_KEY", KeyVariable("LUMA_AGENTS_API_KEY", "ray-3.2")),
    extra="luma",
)
