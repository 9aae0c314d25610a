"""fal: what its schemas can't say, and what its endpoints agree on where there is no schema.

Everything else comes from the schemas. Not the duration: it is "8s" here, "8" there, 8 elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...catalog import Lifecycle, ends
from ...mapping import Apart, FieldMapper, Rule, passthrough_field_mapper, single_image_field_mapper
from ...mapping import video_url_field_mapper as _video

Mappers = Mapping[str, FieldMapper]

# Frames a second of models that take a number of frames and don't say how long one is shown: as the
# models' own publications have it. By prefix of the id.
FRAME_RATES: Mapping[str, float] = {
    "fal-ai/ai-avatar": 25,
    "fal-ai/cosmos-predict-2.5": 16,
    "fal-ai/framepack": 30,
    "fal-ai/hunyuan-video": 24,
    "fal-ai/infinitalk": 25,
    "fal-ai/krea-wan-14b": 16,
    "fal-ai/magi": 24,
}

# What goes on to OpenAI has OpenAI's masks; by prefix of the id. Others say it in their schemas.
MASKS: Mapping[str, str] = dict.fromkeys(("openai/gpt-image", "fal-ai/gpt-image"), "transparent")

# Its `video_url` says so in words: a clip to go on from, or frames.
RULES: Mapping[str, tuple[Rule, ...]] = {
    "fal-ai/wan/v2.7/image-to-video": (Apart(("video",), ("first_frame",)),),
}

SHARED: Mappers = {
    "prompt": passthrough_field_mapper("prompt", required=True),
    "negative_prompt": passthrough_field_mapper("negative_prompt"),
    "seed": passthrough_field_mapper("seed"),
    "aspect_ratio": passthrough_field_mapper("aspect_ratio"),
}
VIDEO_FALLBACK: Mappers = {
    **SHARED,
    "image_url": single_image_field_mapper(image_type="first_frame", provider="fal"),
    "end_image_url": single_image_field_mapper(image_type="last_frame", provider="fal"),
    "video_url": _video(),
    "resolution": passthrough_field_mapper("resolution"),
    "generate_audio": passthrough_field_mapper("generate_audio"),
}
IMAGE_FALLBACK: Mappers = {
    **SHARED,
    "image_url": single_image_field_mapper(image_type="reference", provider="fal"),
    "num_images": passthrough_field_mapper("n"),
}

# fal itself says nothing of these.
_OPENAI = "reports by others: the end of it at OpenAI, which serves it"
ENDS: Mapping[str, Lifecycle] = {
    "fal-ai/gpt-image-1-mini*": ends("2026-12-01", "openai/gpt-image-2", _OPENAI),
    "fal-ai/gpt-image-1.5*": ends("2026-12-01", "openai/gpt-image-2", _OPENAI),
    "fal-ai/gpt-image-1/*": ends("2026-10-23", "openai/gpt-image-2", _OPENAI),
    "fal-ai/sora-2*": ends("2026-09-24", None, "the end of OpenAI's own API, which serves it"),
}
