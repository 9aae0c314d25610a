"""Google: Gemini Omni and Veo videos, Gemini and Imagen images, with an API key or on Vertex AI."""

from __future__ import annotations

from .adapter import adapter

__all__ = ["adapter"]
