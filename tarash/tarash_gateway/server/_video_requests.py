"""What a client asks for on the videos' routes, and the request that the library makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

import pydantic
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from .._data._money import MOST, dollars
from .._support._lines import lines_of
from ..models import VideoGenerationRequest
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


def listed(value: Any) -> Any:
    """Return what a form says of a list: a text with commas stands for several."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]

    return value


class VideoCreate(BaseModel):
    """A video to be made; names as OpenAI's, and as other gateways have them.

    Attributes:
        prompt: What to show.
        model: `provider/model`, or an alias.
        seconds: How long it is to be; `duration` means the same.
        size: `WIDTHxHEIGHT` in pixels; the nearest resolution and aspect ratio are asked for. A
            resolution by its name, such as 720p, is taken for one.
        resolution: In place of a size: 360p to 1440p, or 4k.
        aspect_ratio: In place of a size, such as 16:9.
        input_reference: An image to begin with: a file, a URL, a data URI, or `{"image_url": ...}`.
        frame_images: Images with `frame_type` `first_frame` or `last_frame`.
        input_references: Images to take things from.
        generate_audio: Whether to make a sound track.
        seed: For repeatable results, where the model has one.
        negative_prompt: What to avoid.
        fallbacks: Models that follow after a retryable failure.
        max_cost: US dollars that all of it may cost.
        metadata: Labels of your own for the job.
    """

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)

    prompt: str = Field(min_length=1, examples=["A cat playing piano"])
    model: str = Field(min_length=1, max_length=300, examples=["fal/fal-ai/veo3.1"])
    seconds: Seconds | None = Field(default=None, examples=["8"])
    duration: Seconds | None = None
    size: str | None = Field(default=None, pattern=SIZE)
    resolution: str | None = None
    aspect_ratio: str | None = None
    input_reference: Any = None
    frame_images: list[Any] = Field(default_factory=list)
    input_references: list[Any] = Field(default_factory=list)
    generate_audio: bool | None = None
    seed: int | None = None
    negative_prompt: str | None = None
    fallbacks: Annotated[list[str], BeforeValidator(listed)] = Field(default_factory=list)
    max_cost: MaxCost = None
    metadata: dict[str, str] = Field(default_factory=dict)

    def wanted(self) -> Wanted:
        """Return who is to make it."""
        return Wanted(self.model, tuple(self.fallbacks), self.max_cost)

    def request(self, video: Any = None) -> VideoGenerationRequest:
        """Return what is to be made.

        Args:
            video: A source video.

        Raises:
            Refusal: A field says something that is none.
        """
        resolution, ratio = self._shape()
        more = {k: v for k, v in (self.model_extra or {}).items() if k not in IGNORED}
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
            "extra_params": more,
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


def parsed(model: type[BaseModel], fields: Mapping[str, Any]) -> Any:
    """Return a model of these fields.

    Raises:
        Refusal: One of them can't be taken; it says which and why.
    """
    try:
        return model.model_validate(fields)
    except pydantic.ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        path = ".".join(HTTP.field(str(one)) for one in first["loc"])[:100]
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


def _lines(width: int, height: int) -> str:
    shorter = min(width, height)
    return min(LINES, key=lambda name: abs(LINES[name] - shorter))


def _ratio(width: int, height: int) -> str:
    asked = width / height

    def apart(ratio: str) -> float:
        one, other = map(int, ratio.split(":"))
        return abs(one / other - asked) / asked

    nearest = min(RATIOS, key=apart)
    if apart(nearest) <= NEAR:
        return nearest

    return f"{width}:{height}" if max(width, height) < 10_000 else nearest  # noqa: PLR2004
