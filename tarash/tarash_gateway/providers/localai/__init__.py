"""LocalAI: a user's own server of videos and images, which answers when they are made."""

from __future__ import annotations

from .._provider import Provider

__all__ = ["provider"]

provider = Provider(
    name="localai",
    title="LocalAI",
    adapter=f"{__name__}.adapter:adapter",
    keys=(),
    own_server=True,
    models=f"{__name__}.models",
)
