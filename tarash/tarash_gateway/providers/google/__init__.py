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
    # It names no last day: what ships says when a model ends.
    dates=Dates(
        hosts=("googleapis.com",),
        keys=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        api="https://generativelanguage.googleapis.com",
        root="/v1beta",
        header=("x-goog-api-key", "{key}"),
        query=(("pageSize", "1000"),),
        items="models",
        id="name",
        media="image|veo|omni|banana",
        prefix="models/",
    ),
)
