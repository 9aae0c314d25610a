"""vLLM-Omni: whatever it serves takes the same parameters."""

from __future__ import annotations

from collections.abc import Mapping

from ...mapping import passthrough_field_mapper
from .._server_models import FRAMES, IMAGE, VIDEO, Mappers, all_images

MODELS: Mapping[str, Mappers] = {}
VIDEO_FALLBACK: Mappers = {
    **VIDEO,
    "input_reference": all_images(*FRAMES, "asset"),
    "generate_sound": passthrough_field_mapper("generate_audio"),
}
IMAGE_FALLBACK: Mappers = {**IMAGE, "mask_image": passthrough_field_mapper("mask_image")}
