"""SGLang: whatever it serves takes the same parameters."""

from __future__ import annotations

from collections.abc import Mapping

from ...mapping import FieldMapper, passthrough_field_mapper
from .._server_models import EDITED as IMAGE_FALLBACK
from .._server_models import MOST_OUTPUTS, VIDEO, Mappers, whole_seconds

__all__ = ["IMAGE_FALLBACK", "MODELS", "VIDEO_FALLBACK"]

MODELS: Mapping[str, Mappers] = {}
VIDEO_FALLBACK: Mappers = {
    **VIDEO,
    "seconds": whole_seconds(int),
    "n": FieldMapper(
        "number_of_videos",
        lambda _request, value: value if value > 1 else None,
        allowed=range(1, MOST_OUTPUTS + 1),
    ),
    "enhance_prompt": passthrough_field_mapper("enhance_prompt"),
    "video_reference": passthrough_field_mapper("video"),
}
