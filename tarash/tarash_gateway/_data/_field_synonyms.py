"""Which field of a request is meant by a provider's own word for it. Data, and one lookup."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

_DURATION = (
    "duration", "durations", "length", "seconds", "secs", "second", "time", "runtime",
    "video_length", "video_duration", "clip_length", "clip_duration", "target_duration",
    "length_seconds", "num_seconds", "video_seconds", "duration_s", "duration_sec",
    "duration_secs", "duration_in_seconds", "seconds_total",
)  # fmt: skip
_RATIO = (
    "ratio", "aspect", "ar", "video_aspect_ratio", "image_aspect_ratio", "output_aspect_ratio",
    "target_aspect_ratio", "frame_ratio", "orientation",
)  # fmt: skip
_SIZE = (
    "size", "width", "height", "dimensions", "dimension", "image_size", "video_size",
    "frame_size", "output_size", "image_width", "image_height", "video_width", "video_height",
    "w", "h",
)  # fmt: skip
_RESOLUTION = (
    "resolution", "res", "video_resolution", "image_resolution", "output_resolution",
    "video_quality", "lines",
)  # fmt: skip
_COUNT = (
    "n", "num", "count", "number", "num_outputs", "number_of_outputs", "number_of_results",
    "num_samples", "samples", "batch", "batch_size", "batch_count", "sample_count",
    "number_of_generations", "num_generations", "num_videos", "number_of_videos", "video_count",
    "num_images", "number_of_images", "image_count", "num_images_per_prompt", "max_images",
)  # fmt: skip
_IMAGES = (
    "image", "images", "image_url", "image_urls", "img", "input_image", "input_images",
    "init_image", "source_image", "start_image", "start_image_url", "start_frame", "first_frame",
    "first_frame_image", "first_frame_url", "first_image", "last_frame", "last_frame_image",
    "last_frame_url", "last_image", "end_image", "end_image_url", "end_frame", "tail_image",
    "tail_image_url", "image_tail", "input_reference", "prompt_image", "reference_image",
    "reference_images", "reference_image_url", "reference_image_urls", "ref_image", "ref_images",
    "image_prompt", "keyframes", "input_image_url", "input_image_urls", "image_input",
    "frame_images",
)  # fmt: skip
_VIDEO = (
    "video_url", "input_video", "source_video", "video_input", "init_video", "video_uri",
    "input_video_url", "reference_video",
)  # fmt: skip
_SOUND = (
    "audio", "sound", "with_audio", "with_sound", "enable_audio", "enable_sound", "has_audio",
    "include_audio", "generate_sound", "audio_generation", "generate_audio_switch",
)  # fmt: skip
_NEGATIVE = ("negative", "neg_prompt", "negative_text", "negativeprompt", "exclude")
_SEED = ("random_seed", "noise_seed", "rng_seed", "seed_value", "seeds")
_ENHANCE = (
    "enhance", "prompt_optimizer", "prompt_enhancement", "prompt_enhancer", "prompt_extend",
    "prompt_upsampling", "prompt_expansion", "enable_prompt_expansion", "enhance_prompts",
    "rewrite_prompt", "expand_prompt", "magic_prompt",
)  # fmt: skip
_PROMPT = ("text", "prompt_text", "text_prompt", "prompts", "input_prompt")
_MASK = ("mask", "mask_url", "mask_image_url", "mask_img", "inpaint_mask")
_EXTRA = (
    "extra", "extra_body", "extra_args", "extra_input", "extra_parameters", "provider_params",
    "provider_options", "params", "parameters", "options", "input", "model_params",
)  # fmt: skip

SHAPE_OF_A_VIDEO = "'aspect_ratio' and 'resolution'"
SHAPE_OF_AN_IMAGE = "'size' or 'aspect_ratio'"
OF_BOTH: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("'aspect_ratio'", _RATIO),
    ("'image_list'", _IMAGES),
    ("'negative_prompt'", _NEGATIVE),
    ("'seed'", _SEED),
    ("'prompt'", _PROMPT),
    ("'extra_params'", _EXTRA),
)
OF_VIDEOS = (
    ("'duration_seconds'", _DURATION),
    (SHAPE_OF_A_VIDEO, _SIZE),
    ("'resolution'", _RESOLUTION),
    ("'number_of_videos'", _COUNT),
    ("'video'", _VIDEO),
    ("'generate_audio'", _SOUND),
    ("'enhance_prompt'", _ENHANCE),
)
OF_IMAGES = (
    (SHAPE_OF_AN_IMAGE, (*_SIZE, *_RESOLUTION)),
    ("'n'", _COUNT),
    ("'mask_image'", _MASK),
)
TYPO = 0.8
"""How similar a name must be to a field to be taken for a mistyped one."""


def _letters(name: str) -> str:
    """Return a name so that `aspectRatio`, `aspect-ratio` and `aspect_ratio` are the same."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _by_letters(
    table: Iterable[tuple[str, tuple[str, ...]]],
) -> Mapping[str, str]:
    return {_letters(word): field for field, words in table for word in words}


_TABLES = {
    "video": _by_letters((*OF_BOTH, *OF_VIDEOS)),
    "image": _by_letters((*OF_BOTH, *OF_IMAGES)),
}


def field_meant_by(name: str, fields: Iterable[str]) -> str | None:
    """Return the fields, quoted, that a name most likely means; None where it says nothing.

    Args:
        name: A keyword that is no field.
        fields: The fields of the request.
    """
    known = tuple(fields)
    letters = _letters(name)
    same = next((field for field in known if _letters(field) == letters), None)
    if same is not None:
        return repr(same)

    table = _TABLES["video" if "duration_seconds" in known else "image"]
    if letters in table:
        return table[letters]

    near = difflib.get_close_matches(name, known, n=1, cutoff=TYPO)
    return repr(near[0]) if near else None
