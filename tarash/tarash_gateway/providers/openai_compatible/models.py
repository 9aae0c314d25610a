"""Compatible servers: whatever they serve takes the same parameters."""

from __future__ import annotations

from collections.abc import Mapping

from .._server_models import COMPATIBLE_IMAGE as IMAGE_FALLBACK
from .._server_models import COMPATIBLE_VIDEO as VIDEO_FALLBACK
from .._server_models import Mappers

__all__ = ["IMAGE_FALLBACK", "MASKS", "MODELS", "VIDEO_FALLBACK"]

MODELS: Mapping[str, Mappers] = {}
# As OpenAI's API has it, which these servers follow.
MASKS: Mapping[str, str] = {"": "transparent"}
