"""What can be asked of which provider, as its models' descriptions say. Reads the catalogue only.

A feature is claimed where one model of the provider takes it. The contract has a test for each
feature, called as it is here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .._data._model_info import ModelDescription, ModelInfo
from .._data._types import Kind
from ._describe import describe, list_all


@dataclass(frozen=True, slots=True)
class Feature:
    """Something that a request can ask for.

    Attributes:
        shown: What a table says, in Markdown.
        of: Which kinds of requests can.
        taken: Tells whether a model takes it.
    """

    shown: str
    of: tuple[Kind, ...]
    taken: Callable[[ModelDescription], bool]


def _image(role: str) -> Callable[[ModelDescription], bool]:
    return lambda model: any(image.role == role for image in model.images)


def _fills(field: str) -> Callable[[ModelDescription], bool]:
    return lambda model: any(parameter.source == field for parameter in model.parameters)


BOTH: tuple[Kind, ...] = ("video", "image")
FEATURES: Mapping[str, Feature] = {
    "prompt": Feature("prompt alone", BOTH, lambda model: not model.takes or not _needs(model)),
    "first_frame": Feature("`first_frame` image", ("video",), _image("first_frame")),
    "last_frame": Feature("`last_frame` image", ("video",), _image("last_frame")),
    "reference": Feature("`reference` images", BOTH, _image("reference")),
    "style_image": Feature("`style` image", BOTH, _image("style")),
    "video": Feature("`video`", ("video",), lambda model: model.takes_video),
    "mask_image": Feature("`mask_image`", ("image",), lambda model: model.takes_mask),
    "duration_seconds": Feature(
        "`duration_seconds`",
        ("video",),
        lambda model: bool(model.durations) or model.duration_range is not None,
    ),
    "aspect_ratio": Feature("`aspect_ratio`", BOTH, lambda model: bool(model.aspect_ratios)),
    "resolution": Feature("`resolution`", ("video",), lambda model: bool(model.resolutions)),
    "size": Feature("`size`", ("image",), lambda model: bool(model.sizes) or model.free_size),
    "generate_audio": Feature("`generate_audio`", ("video",), _fills("generate_audio")),
    "seed": Feature("`seed`", BOTH, lambda model: model.seed),
    "negative_prompt": Feature("`negative_prompt`", BOTH, lambda model: model.negative_prompt),
    "enhance_prompt": Feature("`enhance_prompt`", ("video",), lambda model: model.enhance_prompt),
    "quality": Feature("`quality`", ("image",), lambda model: bool(model.qualities)),
    "style": Feature("`style`", ("image",), lambda model: bool(model.styles)),
    "n": Feature("`n`", ("image",), _fills("n")),
    "number_of_videos": Feature("`number_of_videos`", ("video",), _fills("number_of_videos")),
}


def _needs(model: ModelDescription) -> bool:
    images = any(image.required for image in model.images)
    return images or model.needs_video or model.needs_mask or bool(model.needs_extra)


def claims(
    provider: str, first: tuple[str, ...] = ()
) -> dict[tuple[str, Kind], list[ModelDescription]]:
    """Return what a provider's models take: by feature and kind, the models that were looked at.

    Args:
        provider: Its name.
        first: What the ids begin with that are looked at first. As soon as all that may be claimed
            is found, no further model is looked at.
    """
    by_feature: dict[tuple[str, Kind], list[ModelDescription]] = {}
    possible = sum(len(feature.of) for feature in FEATURES.values())
    for info in sorted(list_all(provider), key=lambda one: not one.model.startswith(first)):
        for kind in _kinds(info):
            model = describe(provider, info.model, kind)
            for name, feature in FEATURES.items():
                if kind in feature.of and feature.taken(model):
                    by_feature.setdefault((name, kind), []).append(model)

        if len(by_feature) == possible:
            break

    return by_feature


def _kinds(info: ModelInfo) -> list[Kind]:
    return [kind for kind in BOTH if kind in info.outputs]
