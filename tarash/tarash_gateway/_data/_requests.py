"""What users want made. A request never names a provider."""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from ._base import Data, Seconds, Several
from ._media_input import ImageInput, MediaInput, with_role
from ._types import CommonAspectRatio, Resolution


def _ratio(value: str) -> str:
    if not re.fullmatch(r"[1-9]\d{0,3}:[1-9]\d{0,3}", value):
        message = "an aspect ratio is written width:height, such as '16:9'"
        raise ValueError(message)

    return value


def _size(value: str) -> str:
    if not re.fullmatch(r"[1-9]\d{1,4}x[1-9]\d{1,4}", value):
        message = "a size is written widthxheight in pixels, such as '1024x1024'"
        raise ValueError(message)

    return value


AspectRatio = Annotated[CommonAspectRatio | str, AfterValidator(_ratio)]
ImageSize = Annotated[str, AfterValidator(_size)]
RoledImage = Annotated[ImageInput, BeforeValidator(with_role)]


class _GenerationRequest(Data):
    prompt: str
    extra_params: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _collect_extra_params(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data

        known = cls.model_fields
        unknown = {name: value for name, value in data.items() if name not in known}
        if not unknown:
            return data

        for name in unknown:
            near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.8)
            if near:
                warnings.warn(
                    f"{name!r} is not a field of {cls.__name__} and goes to the provider as an "
                    f"extra parameter; did you mean {near[0]!r}?",
                    UserWarning,
                    stacklevel=3,
                )

        kept = {name: value for name, value in data.items() if name in known}
        given = data.get("extra_params") or {}
        # Anything but a mapping is left as it is, for the field's own check to refuse.
        merged = {**unknown, **given} if isinstance(given, Mapping) else given
        return {**kept, "extra_params": merged}

    @field_validator("prompt")
    @classmethod
    def _says_something(cls, prompt: str) -> str:
        if not prompt.strip():
            message = "the prompt is empty; say what to make"
            raise ValueError(message)

        return prompt


class VideoGenerationRequest(_GenerationRequest):
    """What video to make, whoever makes it.

    An unknown keyword goes into `extra_params`, with a warning when it looks like a typo.

    Attributes:
        prompt: What to show; not empty.
        duration_seconds: Length in seconds; the nearest that the model makes is taken.
        resolution: 360p, 480p, 540p, 720p, 1080p, 1440p or 4k.
        aspect_ratio: `W:H`, such as `16:9`, `9:16` or `1:1`.
        generate_audio: Whether to make a sound track; None leaves it to the provider.
        image_list: Images with roles: `{"image": ..., "type": "first_frame"}`; one without a role,
            or a bare image, is a `reference`. An image is a path, a URL, a data URI, base64, bytes,
            an open binary file or a Pillow image.
        video: A source video to edit or extend; in the same forms.
        seed: For repeatable results, where the model has one.
        number_of_videos: How many; 1 by default.
        negative_prompt: What to avoid.
        enhance_prompt: Whether the provider may rewrite the prompt.
        extra_params: The provider's own parameters, sent untouched; they win over mapped values.
    """

    duration_seconds: Seconds | None = None
    resolution: Resolution | None = None
    aspect_ratio: AspectRatio | None = None
    generate_audio: bool | None = None
    image_list: Several[RoledImage] = ()
    video: MediaInput | None = None
    seed: int | None = None
    number_of_videos: int = Field(default=1, ge=1)
    negative_prompt: str | None = None
    enhance_prompt: bool | None = None


class ImageGenerationRequest(_GenerationRequest):
    """What image to make, whoever makes it.

    Attributes:
        prompt: What to show; not empty.
        negative_prompt: What to avoid.
        size: `WxH` in pixels, such as `1024x1024`.
        aspect_ratio: `W:H`, such as `16:9`; an alternative to `size`.
        quality: The provider's word for it, such as `low`, `high` or `hd`.
        style: The provider's word for it, such as `vivid`.
        n: How many; 1 by default.
        image_list: Images to work from, with roles; as in `VideoGenerationRequest`.
        mask_image: Where to change the first image; in the same forms.
        seed: For repeatable results, where the model has one.
        extra_params: The provider's own parameters, sent untouched; they win over mapped values.
    """

    negative_prompt: str | None = None
    size: ImageSize | None = None
    aspect_ratio: AspectRatio | None = None
    quality: str | None = None
    style: str | None = None
    n: int = Field(default=1, ge=1)
    image_list: Several[RoledImage] = ()
    mask_image: MediaInput | None = None
    seed: int | None = None
