"""OpenAI, and servers that speak its wire."""

from __future__ import annotations

from .._provider import Key, Provider

__all__ = ["provider"]

provider = Provider(
    name="openai",
    title="OpenAI and compatible",
    adapter=f"{__name__}.adapter:adapter",
    keys=(Key("OPENAI_API_KEY"),),
    models="tarash.tarash_gateway.providers._openai_models",
    extra="openai",
    requires="openai",
)
