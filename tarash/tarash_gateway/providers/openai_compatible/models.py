"""Compatible servers: whatever they serve takes the same parameters."""

from __future__ import annotations

from collections.abc import Mapping

from ...mapping import passthrough_field_mapper
from .._server_models import EDITED as IMAGE_FALLBACK
from .._server_models import VIDEO, Mappers

__all__ = ["IMAGE_FALLBACK", "MASKS", "MODELS", "VIDEO_FALLBACK"]

MODELS: Mapping[str, Mappers] = {}
# As OpenAI's API has it, which these servers follow.
MASKS: Mapping[str, str] = {"": "transparent"}
VIDEO_FALLBACK: Mappers = {**VIDEO, "video": passthrough_field_mapper("video")}
