"""Any server that speaks OpenAI's `/v1/videos` and `/v1/images`."""

from __future__ import annotations

from .._provider import Provider

__all__ = ["provider"]

provider = Provider(
    name="openai-compatible",
    title="OpenAI-compatible servers",
    adapter=f"{__name__}.adapter:adapter",
    keys=(),
    own_server=True,
    models=f"{__name__}.models",
    aliases=("openai_compatible",),
    open_settings=("sends",),
)
