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
    dates=Dates(
        hosts=("azure.com",),
        keys=("AZURE_OPENAI_API_KEY",),
        api=None,
        root="/openai",
        header=("api-key", "{key}"),
        variables=("AZURE_OPENAI_ENDPOINT",),
        query=(("api-version", "2024-10-21"),),
        day="deprecation.inference",  # left out where the day is not known
    ),
)
