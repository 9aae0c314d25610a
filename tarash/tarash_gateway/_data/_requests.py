"""What users want made. A request never names a provider."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    field_validator,
    model_validator,
)

from ._base import Data, Seconds, Several, Unseen
from ._continuing import Continued
from ._field_synonyms import field_meant_by
from ._media_input import ImageInput, MediaInput, with_role
from ._sendable import check_carried, plain_value, plain_values, whole_text
from ._types import CommonAspectRatio, Resolution


def _ratio(value: str) -> str:
    if not re.fullmatch(r"[1-9]\d{0,3}:[1-9]\d{0,3}", value):
        message = "an aspect ratio is written width:height, such as '16:9'"
        raise ValueError(message)

    return value


def _size(value: str) -> str:
    if not re.fullmatch(r"[1-9]\d{1,4}x[1-9]\d{1,4}", value):
        message = "a size is written WIDTHxHEIGHT in pixels, such as '1024x1024'"
        raise ValueError(message)

    return value


AspectRatio = Annotated[CommonAspectRatio | str, AfterValidator(_ratio)]
MOST = 10_000
"""Videos or images of one request: more is a mistake that would be paid for."""
Count = Annotated[int, Field(ge=1, le=MOST)]
PartialImages = Annotated[int, Field(ge=0, le=100)]
Seed = Annotated[int, Field(ge=-(2**127), lt=2**127)]
"""Far more than any provider takes, and no more than what is written in one line."""
LONGEST_SECONDS = 1e9
ImageSize = Annotated[str, AfterValidator(_size)]
RoledImage = Annotated[ImageInput, BeforeValidator(with_role)]
GivenImages = Sequence[ImageInput | MediaInput]
if TYPE_CHECKING:
    from ._continuing import Continuable, Continuation
    from ._responses import ImageGenerationResponse, VideoGenerationResponse

    Resumable = (
        VideoGenerationResponse
        | ImageGenerationResponse
        | Continuable
        | Continuation
        | Mapping[str, Any]
    )


Request = TypeVar("Request", bound="_GenerationRequest")


class MistypedFieldWarning(UserWarning):
    """A keyword of a request is no field, and probably a typo.

    Attributes:
        name: The keyword.
        meant: What it probably means, in words.
    """

    name: str = ""
    meant: str = ""


def _mistyped(name: str, meant: str, request: str) -> MistypedFieldWarning:
    warning = MistypedFieldWarning(
        f"{name!r} is not a field of {request} and goes to the provider as it is; did you mean "
        f"{meant}? extra_params={{{name!r}: ...}} sends it without this warning"
    )
    warning.name, warning.meant = name, meant
    return warning


class Mistyped(Unseen):
    """What was given as a keyword and is probably a typo, and the fields that it means.

    Never shown, dumped or compared: two requests are equal by what they send.
    """

    __slots__ = ("names",)

    def __init__(self, names: Mapping[str, str] | None = None) -> None:
        self.names = dict(names or {})


NONE = Mistyped()


def mistyped_in(request: _GenerationRequest) -> Mapping[str, str]:
    """Return the keywords of a request that are probably typos, with the fields that they mean."""
    return request._mistyped.names  # noqa: SLF001  (kept out of sight on purpose)


def without_mistyped(request: Request) -> Request:
    """Return a request whose odd keywords were meant, as those in `extra_params` are."""
    meant_so = request.model_copy()
    meant_so._mistyped = NONE  # noqa: SLF001  (as above)
    return meant_so


class _GenerationRequest(Data):
    prompt: str
    continue_from: Continued = None
    extra_params: dict[str, Any] = Field(default_factory=dict)
    _mistyped: Mistyped = PrivateAttr(default_factory=lambda: NONE)

    @model_validator(mode="wrap")
    @classmethod
    def _collect_extra_params(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(data, Mapping):
            return handler(data)

        known = cls.model_fields
        unknown = {name: value for name, value in data.items() if name not in known}
        hints: dict[str, str] = {}
        for name in unknown:
            hint = field_meant_by(str(name), known)
            if hint is not None:
                hints[str(name)] = hint
                warnings.warn(_mistyped(name, hint, cls.__name__), stacklevel=3)

        kept = {name: plain_value(value) for name, value in data.items() if name in known}
        given = data.get("extra_params") or {}
        # Anything but a mapping is left as it is, for the field's own check to refuse.
        if isinstance(given, Mapping):
            given = plain_values({**unknown, **given} if unknown else given)

        has_extra = given or "extra_params" in kept
        made = handler({**kept, "extra_params": given} if has_extra else kept)
        if hints:
            made._mistyped = Mistyped(hints)  # noqa: SLF001  (as above)

        return made

    @field_validator("prompt", "negative_prompt", "quality", "style", check_fields=False)
    @classmethod
    def _is_whole(cls, text: str | None) -> str | None:
        return None if text is None else whole_text(text)

    @field_validator("extra_params")
    @classmethod
    def _is_carried(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        check_carried(parameters)
        return parameters

    @field_validator("prompt")
    @classmethod
    def _says_something(cls, prompt: str) -> str:
        if not prompt.strip():
            message = "the prompt is empty; say what to make"
            raise ValueError(message)

        return prompt


class VideoGenerationRequest(_GenerationRequest):
    """What video to make, whoever makes it.

    An unknown keyword goes into `extra_params`, with a warning where it may be a typo or a
    provider's word for one of these fields; a config with `strict=True` refuses it then.

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
        continue_from: An earlier result of this gateway, as a response or a job, that its provider
            goes on from: extends, edits or remixes, as the model does. Only configs of the same
            provider can; others are refused.
        extra_params: The provider's own parameters, sent untouched; they win over mapped values.
    """

    duration_seconds: Annotated[Seconds, Field(le=LONGEST_SECONDS)] | None = None
    resolution: Resolution | None = None
    aspect_ratio: AspectRatio | None = None
    generate_audio: bool | None = None
    image_list: Several[RoledImage] = ()
    video: MediaInput | None = None
    seed: Seed | None = None
    number_of_videos: Count = 1
    negative_prompt: str | None = None
    enhance_prompt: bool | None = None

    if TYPE_CHECKING:
        # What is taken, which is more than what is read.
        def __init__(  # noqa: PLR0913  (one for each field)
            self,
            *,
            prompt: str,
            duration_seconds: float | None = None,
            resolution: Resolution | None = None,
            aspect_ratio: str | None = None,
            generate_audio: bool | None = None,
            image_list: GivenImages = (),
            video: MediaInput | None = None,
            seed: int | None = None,
            number_of_videos: int = 1,
            negative_prompt: str | None = None,
            enhance_prompt: bool | None = None,
            continue_from: Resumable | None = None,
            extra_params: Mapping[str, Any] = ...,
            **more_extra_params: Any,
        ) -> None: ...


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
        mask_image: Where to change the first image: where it is white, or transparent if it has
            transparency; converted to what the model reads. In the same forms.
        seed: For repeatable results, where the model has one.
        partial_images: How many images to hear of on the way, as `partial_image` of the updates;
            OpenAI's GPT image models send up to 3 when one image is made, and bill a little for
            each. It changes nothing of the result: other models leave it out without a word.
        continue_from: As in `VideoGenerationRequest`; no provider goes on from images so far.
        extra_params: The provider's own parameters, sent untouched; they win over mapped values.
    """

    negative_prompt: str | None = None
    size: ImageSize | None = None
    aspect_ratio: AspectRatio | None = None
    quality: str | None = None
    style: str | None = None
    n: Count = 1
    image_list: Several[RoledImage] = ()
    mask_image: MediaInput | None = None
    seed: Seed | None = None
    partial_images: PartialImages | None = None

    if TYPE_CHECKING:
        # What is taken, which is more than what is read.
        def __init__(  # noqa: PLR0913  (one for each field)
            self,
            *,
            prompt: str,
            negative_prompt: str | None = None,
            size: str | None = None,
            aspect_ratio: str | None = None,
            quality: str | None = None,
            style: str | None = None,
            n: int = 1,
            image_list: GivenImages = (),
            mask_image: MediaInput | None = None,
            seed: int | None = None,
            partial_images: int | None = None,
            continue_from: Resumable | None = None,
            extra_params: Mapping[str, Any] = ...,
            **more_extra_params: Any,
        ) -> None: ...
