"""Google: Gemini Omni and Veo videos, Gemini and Imagen images, by API key or on Vertex AI."""

from __future__ import annotations

from ...catalog import Dates
from .._provider import KeyVariable, Provider

__all__ = ["provider"]

provider = Provider(
    name="google",
    title="Google",
    adapter=f"{__name__}.adapter:adapter",
    keys=(KeyVariable("GOOGLE_API_KEY"),),
    models=f"{__name__}.models",
    extra="google",
    open_settings=("credentials_path", "gcp_project", "location", "storage_url"),
    requires="google.genai",
    dates=Dates(f"{__name__}.dates", hosts=("googleapis.com",)),
)
