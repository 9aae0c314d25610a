"""What a client asks for on the images' routes, and the request that the library makes of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ..models import ImageGenerationRequest
from ._model_names import Wanted
from ._refusals import invalid
from ._video_requests import IGNORED, MaxCost, image_of, listed, parsed

AUTO = "auto"
PASSED = ("background", "input_fidelity", "moderation", "output_compression", "output_format")
"""Parameters of OpenAI's images that go to the provider as they are."""


def _many(value: Any) -> Any:
    return value if value is None or isinstance(value, list) else [value]


class ImageCreate(BaseModel):
    """Images to be made; names as OpenAI's.

    Attributes:
        prompt: What to show.
        model: `provider/model`, or an alias.
        n: How many.
        size: `WIDTHxHEIGHT` in pixels, or `auto`.
        aspect_ratio: In place of a size, such as 16:9.
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
        seed: For repeatable results, where the model has one.
        negative_prompt: What to avoid.
        fallbacks: Models that follow after a retryable failure.
        max_cost: US dollars that all of it may cost.
        metadata: Labels of your own for the job.
    """

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)

    prompt: str = Field(min_length=1, examples=["A cat playing piano"])
    model: str = Field(min_length=1, max_length=300, examples=["openai/gpt-image-2"])
    n: int = Field(default=1, ge=1, le=10_000)
    size: str | None = Field(default=None, pattern=r"^(auto|[1-9]\d{1,4}x[1-9]\d{1,4})$")
    aspect_ratio: str | None = None
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
    seed: int | None = None
    negative_prompt: str | None = None
    fallbacks: Annotated[list[str], BeforeValidator(listed)] = Field(default_factory=list)
    max_cost: MaxCost = None
    metadata: dict[str, str] = Field(default_factory=dict)

    def wanted(self) -> Wanted:
        """Return who is to make it."""
        return Wanted(self.model, tuple(self.fallbacks), self.max_cost)

    def request(self) -> ImageGenerationRequest:
        """Return what is to be made.

        Raises:
            Refusal: A field says something that is none.
        """
        own = {name: getattr(self, name) for name in PASSED}
        extra = {k: v for k, v in (self.model_extra or {}).items() if k not in IGNORED}
        # What OpenAI does anyway is no parameter, which other providers would not know.
        extra |= {name: value for name, value in own.items() if value not in (None, AUTO)}
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
            "extra_params": extra,
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
            "image_list": [{"image": image_of(one, "image"), "type": "reference"} for one in every]
        }
        if self.mask is not None:
            fields["mask_image"] = image_of(self.mask, "mask")

        return fields
