"""vLLM-Omni: whatever it serves takes the same parameters."""

from __future__ import annotations

from collections.abc import Mapping

from .._server_models import VLLM_IMAGE as IMAGE_FALLBACK
from .._server_models import VLLM_VIDEO as VIDEO_FALLBACK
from .._server_models import Mappers

__all__ = ["IMAGE_FALLBACK", "MODELS", "VIDEO_FALLBACK"]

MODELS: Mapping[str, Mappers] = {}
