"""What a client asks for, in OpenAI's names, and the request that the library makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from .._data._money import MOST, dollars
from .._support._resolutions import lines_of
from ..models import ImageGenerationRequest, VideoGenerationRequest
from ._model_names import Wanted
from ._refusals import invalid
from ._words import HTTP, rule_of

LINES = {
    name: lines_of(name) or 0 for name in ("360p", "480p", "540p", "720p", "1080p", "1440p", "4k")
}
"""The shorter sides of the library's resolutions."""
SIZE = rf"^([1-9]\d{{1,4}}x[1-9]\d{{1,4}}|{'|'.join(LINES)})$"
RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "21:9", "9:21", "3:2", "2:3", "5:4", "4:5")
NEAR = 0.03
"""How far a size may be from a common ratio and still mean it."""
IGNORED = ("user", "stream", "safety_identifier")
"""What clients of OpenAI's may send, and what has no meaning here."""
MaxCost = Annotated[
    Annotated[Decimal, Field(ge=0, le=MOST, allow_inf_nan=False)] | None, BeforeValidator(dollars)
]
"""As a config takes it."""
Seconds = Annotated[
    float,
    Field(gt=0, le=36_000),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": 36_000},
                {"type": "string", "pattern": r"^[0-9]{1,5}(\.[0-9]+)?$"},
            ],
        }
    ),
]
"""Seconds, as a number or, as OpenAI's clients write it, as text."""
AUTO = "auto"
PASSED = ("background", "input_fidelity", "moderation", "output_compression", "output_format")
"""Parameters of OpenAI's images that go to the provider as they are."""


def listed(value: Any) -> Any:
    """Return what a form says of a list: a text with commas stands for several."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]

    return value


class _Create(BaseModel):
    """What videos and images have in common.

    Attributes:
        prompt: What to show.
        model: `provider/model`, or an alias.
        aspect_ratio: In place of a size, such as 16:9.
        seed: For repeatable results, where the model has one.
        negative_prompt: What to avoid.
        fallbacks: Models that follow after a retryable failure.
        max_cost: US dollars that all of it may cost.
        metadata: Labels of your own for the job.
    """

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)

    prompt: str = Field(min_length=1, examples=["A cat playing piano"])
    model: str = Field(min_length=1, max_length=300)
    aspect_ratio: str | None = None
    seed: int | None = None
    negative_prompt: str | None = None
    fallbacks: Annotated[list[str], BeforeValidator(listed)] = Field(default_factory=list)
    max_cost: MaxCost = None
    metadata: dict[str, str] = Field(default_factory=dict)

    def wanted(self) -> Wanted:
        """Return who is to make it."""
        return Wanted(self.model, tuple(self.fallbacks), self.max_cost)

    def own_params(self) -> dict[str, Any]:
        """Return what is no field of ours: parameters of the provider's own."""
        return {k: v for k, v in (self.model_extra or {}).items() if k not in IGNORED}


class VideoCreate(_Create):
    """A video to be made; names as OpenAI's, and as other gateways have them.

    Attributes:
        seconds: How long it is to be; `duration` means the same.
        size: `WIDTHxHEIGHT` in pixels; the nearest resolution and aspect ratio are asked for. A
            resolution by its name, such as 720p, is taken for one.
        resolution: In place of a size: 360p to 1440p, or 4k.
        input_reference: An image to begin with: a file, a URL, a data URI, or `{"image_url": ...}`.
        frame_images: Images with `frame_type` `first_frame` or `last_frame`.
        input_references: Images to take things from.
        generate_audio: Whether to make a sound track.
    """

    model: str = Field(min_length=1, max_length=300, examples=["fal/fal-ai/veo3.1"])
    seconds: Seconds | None = Field(default=None, examples=["8"])
    duration: Seconds | None = None
    size: str | None = Field(default=None, pattern=SIZE)
    resolution: str | None = None
    input_reference: Any = None
    frame_images: list[Any] = Field(default_factory=list)
    input_references: list[Any] = Field(default_factory=list)
    generate_audio: bool | None = None

    def request(self, video: Any = None) -> VideoGenerationRequest:
        """Return what is to be made.

        Args:
            video: A source video.

        Raises:
            Refusal: A field says something that is none.
        """
        resolution, ratio = self._shape()
        fields = {
            "prompt": self.prompt,
            "duration_seconds": self.seconds if self.seconds is not None else self.duration,
            "resolution": resolution,
            "aspect_ratio": ratio,
            "image_list": self._images(),
            "video": video,
            "generate_audio": self.generate_audio,
            "seed": self.seed,
            "negative_prompt": self.negative_prompt,
            "extra_params": self.own_params(),
        }
        made: VideoGenerationRequest = parsed(VideoGenerationRequest, fields)
        return made

    def _shape(self) -> tuple[str | None, str | None]:
        if self.size is None or self.size in LINES:
            return self.resolution or self.size, self.aspect_ratio

        width, height = map(int, self.size.split("x"))
        return self.resolution or _lines(width, height), self.aspect_ratio or _ratio(width, height)

    def _images(self) -> list[dict[str, Any]]:
        images = []
        if self.input_reference is not None:
            image = image_of(self.input_reference, "input_reference")
            images.append({"image": image, "type": "first_frame"})

        for entry in self.frame_images:
            role = entry.get("frame_type", "first_frame") if isinstance(entry, dict) else ""
            if role not in ("first_frame", "last_frame"):
                raise invalid(
                    "frame_images: each has a frame_type, first_frame or last_frame", "frame_images"
                )

            images.append({"image": image_of(entry, "frame_images"), "type": role})

        for entry in self.input_references:
            image = image_of(entry, "input_references")
            images.append({"image": image, "type": "reference"})

        return images


class VideoRemake(VideoCreate):
    """A video to be made from another; further fields as of other videos.

    Attributes:
        video: The other one: a file of the form, a URL, a data URI, or `{"id": ...}` of a video of
            this gateway, whose model is used where none is named.
    """

    video: Any = None


def parsed(model: type[BaseModel], fields: Mapping[str, Any]) -> Any:
    """Return a model of these fields.

    Raises:
        Refusal: One of them can't be taken; it says which and why.
    """
    try:
        return model.model_validate(fields)
    except pydantic.ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        path = ".".join(HTTP.field(str(step)) for step in first["loc"])[:100]
        sentence = rule_of(first)
        raise invalid(f"{path}: {sentence}" if path else sentence, path or None) from None


def image_of(entry: Any, param: str) -> Any:
    """Return an image as the library takes it, from one of the forms that clients write it in.

    Raises:
        Refusal: It is none of them.
    """
    source = entry
    for _ in range(2):
        if isinstance(source, dict) and not {"content", "b64_json"} & source.keys():
            source = source.get("image_url", source.get("url"))

    if isinstance(source, dict) and isinstance(source.get("b64_json"), str):
        source = source["b64_json"]

    is_bytes = isinstance(source, dict) and isinstance(source.get("content"), bytes)
    if not is_bytes and not (isinstance(source, str) and source):
        raise invalid(
            f"{param}: an image is a file of the form, a URL, a data URI, or an object with an "
            "image_url; or the id of media that this key has uploaded (POST /api/media)",
            param,
        )

    return source


def video_given(video: Any) -> Any:
    """Return a video as the library takes it.

    Raises:
        Refusal: It is none.
    """
    source = video
    if isinstance(source, dict) and "content" not in source:
        source = source.get("url") or source.get("video_url")

    is_bytes = isinstance(source, dict) and isinstance(source.get("content"), bytes)
    if not is_bytes and not (isinstance(source, str) and source):
        raise invalid("video: give a file, a URL, a data URI, or {'id': ...}", "video")

    return source


def _lines(width: int, height: int) -> str:
    shorter = min(width, height)
    return min(LINES, key=lambda name: abs(LINES[name] - shorter))


def _ratio(width: int, height: int) -> str:
    asked = width / height

    def apart(ratio: str) -> float:
        wide, high = map(int, ratio.split(":"))
        return abs(wide / high - asked) / asked

    nearest = min(RATIOS, key=apart)
    if apart(nearest) <= NEAR:
        return nearest

    return f"{width}:{height}" if max(width, height) < 10_000 else nearest  # noqa: PLR2004


def _many(value: Any) -> Any:
    return value if value is None or isinstance(value, list) else [value]


class ImageCreate(_Create):
    """Images to be made; names as OpenAI's.

    Attributes:
        n: How many.
        size: `WIDTHxHEIGHT` in pixels, or `auto`.
        quality: The provider's word for it, or `auto`.
        style: The provider's word for it.
        background: As OpenAI's.
        moderation: As OpenAI's.
        output_format: As OpenAI's.
        output_compression: As OpenAI's.
        input_fidelity: As OpenAI's.
        response_format: `b64_json`, or `url` for signed links that are good for a day; both without
            one.
        stream: Whether to answer with server-sent events.
        partial_images: How many images on the way are wanted, where the provider has any.
    """

    model: str = Field(min_length=1, max_length=300, examples=["openai/gpt-image-2"])
    n: int = Field(default=1, ge=1, le=10_000)
    size: str | None = Field(default=None, pattern=r"^(auto|[1-9]\d{1,4}x[1-9]\d{1,4})$")
    quality: str | None = None
    style: str | None = None
    background: str | None = None
    moderation: str | None = None
    output_format: str | None = None
    output_compression: int | None = None
    input_fidelity: str | None = None
    response_format: Literal["b64_json", "url"] | None = None
    stream: bool = False
    partial_images: int | None = Field(default=None, ge=0, le=3)

    def request(self) -> ImageGenerationRequest:
        """Return what is to be made.

        Raises:
            Refusal: A field says something that is none.
        """
        own = {name: getattr(self, name) for name in PASSED}
        # What OpenAI does anyway is no parameter, which other providers would not know.
        own = {name: value for name, value in own.items() if value not in (None, AUTO)}
        fields = {
            "prompt": self.prompt,
            "n": self.n,
            "size": None if self.size == AUTO else self.size,
            "aspect_ratio": self.aspect_ratio,
            "quality": None if self.quality == AUTO else self.quality,
            "style": self.style,
            "seed": self.seed,
            "negative_prompt": self.negative_prompt,
            "partial_images": self.partial_images if self.stream else None,
            "extra_params": self.own_params() | own,
            **self.media(),
        }
        made: ImageGenerationRequest = parsed(ImageGenerationRequest, fields)
        return made

    def media(self) -> dict[str, Any]:
        """Return the fields that hold media."""
        return {}


class ImageEdit(ImageCreate):
    """Images to be made from others; further fields as of images that are made from words.

    Attributes:
        image: One image or several: files of the form (`image`, or `image[]`), URLs, data URIs.
        images: The same, as JSON has it: `[{"image_url": ...}]`.
        mask: Where to change the first image.
    """

    image: Annotated[list[Any] | None, BeforeValidator(_many)] = None
    images: list[Any] = Field(default_factory=list)
    mask: Any = None

    def media(self) -> dict[str, Any]:
        """Return the images and the mask.

        Raises:
            Refusal: There is no image.
        """
        every = [*(self.image or ()), *self.images]
        if not every:
            raise invalid("image: give the image to change", "image")

        fields: dict[str, Any] = {
            "image_list": [
                {"image": image_of(source, "image"), "type": "reference"} for source in every
            ]
        }
        if self.mask is not None:
            fields["mask_image"] = image_of(self.mask, "mask")

        return fields
