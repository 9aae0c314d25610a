"""vLLM-Omni: a user's own server of videos and images."""

from __future__ import annotations

from .._provider import Provider

__all__ = ["provider"]

provider = Provider(
    name="vllm",
    title="vLLM-Omni",
    adapter=f"{__name__}.adapter:adapter",
    keys=(),
    own_server=True,
    models=f"{__name__}.models",
    aliases=("vllm-omni", "vllm_omni"),
)
