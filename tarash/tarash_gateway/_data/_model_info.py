"""What users read out of the catalogue: models and what they can do, as data."""

from __future__ import annotations

import warnings
from datetime import date
from typing import Any, Literal

from ._base import Data
from ._types import ImageRole, Kind


class NumberRange(Data):
    """Numbers from `low` to `high`, both included; None for no limit.

    Attributes:
        low: The least.
        high: The greatest.
        step: Numbers are multiples of it; None for any.
    """

    low: float | None = None
    high: float | None = None
    step: float | None = None


class ImageCapability(Data):
    """One role of input images that a model takes.

    Attributes:
        role: What the image is for.
        most: How many; None for any number.
        least: How many there must be, where there are any.
        required: Whether there must be one.
    """

    role: ImageRole
    most: int | None = None
    least: int = 1
    required: bool = False


class ModelParameter(Data):
    """One of the provider's own parameters.

    Attributes:
        name: Its name.
        source: The request field that fills it; None for `extra_params` only.
        type: JSON type, or several joined by `|`.
        required: Whether the provider refuses a request without it.
        default: What the provider takes when it is left out, where it says so.
        allowed: The values that it lists.
    """

    name: str
    source: str | None = None
    type: str = "any"
    required: bool = False
    default: Any = None
    allowed: tuple[Any, ...] = ()


class ModelInfo(Data):
    """One model of the catalogue, as a list shows it.

    Attributes:
        provider: The provider's name.
        model: The model's id.
        name: As the provider calls it.
        category: As the provider sorts it, such as `image-to-video`.
        outputs: `video`, `image`, or what else it makes.
        takes: Roles of images (`first_frame`, `reference` …), `video` and `mask` that it takes.
        durations: Seconds, where they are listed.
        duration_range: Seconds, where they are a range.
        shutdown: The day on which it was or will be shut down.
        successor: What to use instead.
        retired: Whether it is no longer there.
        deprecated: Whether the provider advises against it, and names no day for its end.
    """

    provider: str
    model: str
    name: str | None = None
    category: str | None = None
    outputs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    durations: tuple[float, ...] = ()
    duration_range: NumberRange | None = None
    shutdown: date | None = None
    successor: str | None = None
    retired: bool = False
    deprecated: bool = False


class ModelDescription(ModelInfo):
    """What a model takes and makes; further fields as in `ModelInfo`.

    Attributes:
        kind: What was asked about: `video` or `image`.
        source: Where it comes from: `registered`, `live` (fetched by you), `package`, `relative`
            (a guess by a similar model) or `generic` (nothing is known).
        recorded: The day on which the schema was read from the provider.
        schema_warning: Why the schema is not to be trusted in all; None where it is.
        aspect_ratios: As they are sent, where they are listed.
        resolutions: As they are sent, where they are listed.
        sizes: Named or written sizes, where they are listed.
        free_size: Whether any width and height can be sent.
        images: The roles of images.
        takes_video: Whether it takes a source video.
        takes_mask: Whether it takes a mask.
        needs_video: Whether it refuses a request without one.
        needs_mask: Whether it refuses a request without one.
        audio: Whether sound can be asked for.
        seed: Whether results can be repeated.
        negative_prompt: Whether there is one.
        enhance_prompt: Whether the provider can be asked to rewrite the prompt.
        most_outputs: How many at once; None where there is no such parameter or no limit.
        qualities: The provider's words for it.
        styles: The provider's words for it.
        needs_extra: Required parameters that only `extra_params` can give.
        parameters: All of the provider's own parameters.
    """

    kind: Kind
    source: Literal["registered", "live", "package", "relative", "generic"]
    recorded: str | None = None
    schema_warning: str | None = None
    aspect_ratios: tuple[str, ...] = ()
    resolutions: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    free_size: bool = False
    images: tuple[ImageCapability, ...] = ()
    takes_video: bool = False
    takes_mask: bool = False
    needs_video: bool = False
    needs_mask: bool = False
    audio: bool = False
    seed: bool = False
    negative_prompt: bool = False
    enhance_prompt: bool = False
    most_outputs: int | None = None
    qualities: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    needs_extra: tuple[str, ...] = ()
    parameters: tuple[ModelParameter, ...] = ()

    @property
    def weakness(self) -> str | None:
        """The old name of `schema_warning`. Deprecated."""
        message = "weakness is called schema_warning; the old name will go"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return self.schema_warning


class RetiredUse(Data):
    """A retired model that a project's file names.

    Attributes:
        path: The file.
        line: From 1.
        provider: The provider's name.
        model: The model's id as written there.
        note: Since when, and what to use instead.
    """

    path: str
    line: int
    provider: str
    model: str
    note: str
