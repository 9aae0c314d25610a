"""Request fields → provider parameters: field mappers, and the adaptation of options to a model.

Pure functions and data; re-exported to users as `providers.field_mappers`.
"""

from __future__ import annotations

from .._support._resolutions import lines_of
from ._derive import derive
from ._factories import (
    aspect_ratio_field_mapper,
    choice_field_mapper,
    count_field_mapper,
    duration_field_mapper,
    extra_params_field_mapper,
    image_input_field_mapper,
    image_list_field_mapper,
    mask_image_field_mapper,
    n_images_field_mapper,
    passthrough_field_mapper,
    quality_field_mapper,
    seed_field_mapper,
    single_image_field_mapper,
    size_field_mapper,
    style_field_mapper,
    video_url_field_mapper,
)
from ._field_mapper import (
    FieldMapper,
    apply_field_mappers,
    check_mapping,
    get_field_mappers_from_registry,
    longest_prefix,
)
from ._fit import fit
from ._fit_media import takes_media
from ._geometry import Geometry, Lines, Preset, Ratios, Side, Sizes, Target
from ._joint import Apart, Beside, Joint, Rule, own, stated_joints
from ._limits import Span, nearest, pixels_of, ratio_of, side_of
from ._seconds import Frames
from ._shapes import Shapes, is_alike, named_lines, nearest_lines, proportion_of, requestable
from ._validate import check_payload, check_sendable, guess_warnings

__all__ = [
    "Apart",
    "Beside",
    "FieldMapper",
    "Frames",
    "Geometry",
    "Joint",
    "Lines",
    "Preset",
    "Ratios",
    "Rule",
    "Shapes",
    "Side",
    "Sizes",
    "Span",
    "Target",
    "apply_field_mappers",
    "aspect_ratio_field_mapper",
    "check_mapping",
    "check_payload",
    "check_sendable",
    "choice_field_mapper",
    "count_field_mapper",
    "derive",
    "duration_field_mapper",
    "extra_params_field_mapper",
    "fit",
    "get_field_mappers_from_registry",
    "guess_warnings",
    "image_input_field_mapper",
    "image_list_field_mapper",
    "is_alike",
    "lines_of",
    "longest_prefix",
    "mask_image_field_mapper",
    "n_images_field_mapper",
    "named_lines",
    "nearest",
    "nearest_lines",
    "own",
    "passthrough_field_mapper",
    "pixels_of",
    "proportion_of",
    "quality_field_mapper",
    "ratio_of",
    "requestable",
    "seed_field_mapper",
    "side_of",
    "single_image_field_mapper",
    "size_field_mapper",
    "stated_joints",
    "style_field_mapper",
    "takes_media",
    "video_url_field_mapper",
]
