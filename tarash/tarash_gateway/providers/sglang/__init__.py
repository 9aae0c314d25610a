"""SGLang's diffusion server: a user's own server of videos and images."""

from __future__ import annotations

from .._provider import Provider

__all__ = ["provider"]

provider = Provider(
    name="sglang",
    title="SGLang",
    adapter=f"{__name__}.adapter:adapter",
    keys=(),
    own_server=True,
    models=f"{__name__}.models",
)
