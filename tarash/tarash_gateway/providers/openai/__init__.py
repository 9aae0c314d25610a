"""OpenAI, and servers that speak its wire."""

from __future__ import annotations

from ...catalog import Dates
from .._provider import KeyVariable, Provider

__all__ = ["provider"]

provider = Provider(
    name="openai",
    title="OpenAI and compatible",
    adapter=f"{__name__}.adapter:adapter",
    keys=(KeyVariable("OPENAI_API_KEY"),),
    models="tarash.tarash_gateway.providers._openai_models",
    extra="openai",
    open_settings=("organization", "project"),
    requires="openai",
    dates=Dates(
        hosts=("openai.com",),
        keys=("OPENAI_API_KEY",),
        api="https://api.openai.com",
        root="/v1",
        root_may_lack=True,
        day="shutdown_date",
    ),
)
