"""Azure OpenAI: the same wire as OpenAI, with deployments and an API version."""

from __future__ import annotations

from ...catalog import Dates
from .._provider import KeyVariable, Provider

__all__ = ["provider"]

provider = Provider(
    name="azure-openai",
    title="Azure OpenAI",
    adapter=f"{__name__}.adapter:adapter",
    keys=(KeyVariable("AZURE_OPENAI_API_KEY"),),
    models=f"{__name__}.models",
    aliases=("azure_openai",),
    extra="openai",
    open_settings=("base_model",),
    requires="openai",
    dates=Dates(f"{__name__}.dates", hosts=("azure.com",)),
)
