"""What a workflow takes: a request's fields, by the slots that it has. Pure.

A field without a slot is left out with an adjustment; images, videos and masks are refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from ..._support._resolutions import lines_of
from ...exceptions import ValidationError
from ...mapping import (
    FieldMapper,
    check_sendable,
    nearest,
    passthrough_field_mapper,
    seed_field_mapper,
)
from .workflow import INPUTS, ROLES, Place, Workflow

if TYPE_CHECKING:
    from ..._data._exchange import Call
    from ..._data._types import ImageRole

Mappers = Mapping[str, FieldMapper]

MODELS: Mapping[str, Mappers] = {}
VIDEO_FALLBACK: Mappers = {"prompt": passthrough_field_mapper("prompt", required=True)}
IMAGE_FALLBACK = VIDEO_FALLBACK

GRID = 16
LARGEST_SEED = 2**64 - 1
USUAL = (1024, 1024)
LONGEST = 2001
"""Frames."""
OF_THE_BODY = frozenset({"front", "number", "extra_data", "partial_execution_targets"})
"""The server's own parameters beside the workflow."""
REFERENCE = "comfyui://"
"""Stands before the name of a file in the server's input folder."""
PREFIX = "filename_prefix"


def mappers_of(workflow: Workflow, kind: str) -> dict[str, FieldMapper]:
    """Return the mappers of the slots that a workflow has, by slot."""
    mappers = {
        "prompt": passthrough_field_mapper("prompt", required=True),
        "negative_prompt": passthrough_field_mapper("negative_prompt"),
        "seed": seed_field_mapper(high=LARGEST_SEED),
        "video": passthrough_field_mapper("video"),
        "mask_image": passthrough_field_mapper("mask_image"),
        **_lengths(workflow),
        **_sides(workflow, kind),
    }
    if kind == "image":
        mappers["n"] = passthrough_field_mapper("n")

    own = [role for role in ROLES if role in workflow.places]
    mappers |= {role: _images(workflow, role, (role,)) for role in own}
    free = tuple(role for role in ("reference", "first_frame") if role not in own)
    if free:
        mappers["image"] = _images(workflow, "image", free)

    return {slot: mapper for slot, mapper in mappers.items() if slot in workflow.places}


def _images(workflow: Workflow, slot: str, roles: tuple[str, ...]) -> FieldMapper:
    def convert(_request: object, images: Any) -> list[Any] | None:
        return [image["image"] for image in images if image.get("type") in roles] or None

    known = cast("tuple[ImageRole, ...]", roles)
    return FieldMapper("image_list", convert, roles=known, most=len(workflow.places.get(slot, ())))


def _lengths(workflow: Workflow) -> dict[str, FieldMapper]:
    """Return what says how long a video is: seconds, or frames at the rate of the workflow."""
    if "seconds" in workflow.places:
        return {"seconds": passthrough_field_mapper("duration_seconds")}

    rate = workflow.value("fps")
    if not isinstance(rate, int | float) or rate <= 0:
        return {}

    counts = _counts(workflow.value("frames"))

    def convert(request: Any, seconds: float | None) -> int | None:
        if seconds is None:
            return None

        given = request.extra_params.get("fps", rate)
        return int(nearest("n", seconds * float(given), counts))

    return {"frames": FieldMapper("duration_seconds", convert)}


def _counts(usual: Any) -> range:
    """Return the numbers of frames that fit the workflow's own: models take 8n+1, or 4n+1."""
    whole = usual if isinstance(usual, int) else 0
    step = next((size for size in (8, 4) if whole % size == 1), 1)
    return range(1, LONGEST, step)


def _sides(workflow: Workflow, kind: str) -> dict[str, FieldMapper]:
    usual = (workflow.value("width"), workflow.value("height"))
    if not all(isinstance(side, int) and side > 0 for side in usual):
        usual = USUAL

    def side(place: int) -> FieldMapper:
        def convert(request: Any, _value: Any) -> int | None:
            sides = pixels(request, usual)
            return None if sides is None else sides[place]

        if kind == "image":
            return FieldMapper("size", convert, also=("aspect_ratio",))

        return FieldMapper("aspect_ratio", convert, also=("resolution",))

    return {"width": side(0), "height": side(1)}


def pixels(request: Any, usual: tuple[int, int]) -> tuple[int, int] | None:
    """Return the pixels that a request asks for; what it doesn't say is as in the workflow."""
    size = getattr(request, "size", None)
    if size is not None:
        width, _, height = size.partition("x")
        return int(width), int(height)

    resolution = getattr(request, "resolution", None)
    if request.aspect_ratio is None and resolution is None:
        return None

    ratio = usual
    if request.aspect_ratio is not None:
        wide, _, high = request.aspect_ratio.partition(":")
        ratio = int(wide), int(high)

    scale: float = ((usual[0] * usual[1]) / (ratio[0] * ratio[1])) ** 0.5
    if resolution is not None:
        scale = (lines_of(resolution) or min(usual)) / min(ratio)

    sides = [round(side * scale) for side in ratio]
    if resolution is None:
        sides = [max(1, round(side / GRID)) * GRID for side in sides]
    else:  # its lines stand as they are
        sides = [
            side if side == min(sides) else max(1, round(side / GRID)) * GRID for side in sides
        ]

    return sides[0], sides[1]


def body_of(call: Call, workflow: Workflow, given: Mapping[str, Any], own_id: str) -> Any:
    """Return what is sent: the filled graph, the ids, and the server's own parameters. Pure.

    Raises:
        ValidationError: A parameter has no slot, or can't be sent.
    """
    if not call.mocked:  # later, they have the names of inputs
        check_sendable(given, call.request.extra_params)

    body = {name: value for name, value in given.items() if name in OF_THE_BODY}
    values = dict(_prefixes(workflow, own_id))
    if "seed" in workflow.places and given.get("seed") is None:
        given = {**given, "seed": fresh_seed(call)}

    for slot, value in given.items():
        if slot not in OF_THE_BODY:
            values |= _placed(workflow, slot, value)

    return {
        "prompt": workflow.filled(values),
        "prompt_id": own_id,
        "client_id": own_id,
        **body,
    }


def fresh_seed(call: Call) -> int:
    """Return a seed of this attempt: the same one again would be answered from the cache."""
    digest = hashlib.blake2b(f"{call.request_id}/{call.attempt_number}".encode(), digest_size=6)
    return int.from_bytes(digest.digest(), "big")


def _prefixes(workflow: Workflow, own_id: str) -> Mapping[Place, str]:
    """Name the files of each run apart: a cached node would hand out those of the last one."""
    return {
        Place(node_id, PREFIX): f"{node['inputs'][PREFIX]}_{own_id[:8]}"
        for node_id, node in workflow.graph.items()
        if isinstance(node["inputs"].get(PREFIX), str)
    }


def _placed(workflow: Workflow, slot: str, value: Any) -> dict[Place, Any]:
    places = workflow.places.get(slot)
    if places is None:
        place = workflow.place(slot)
        if place is None:
            raise ValidationError(
                f"the workflow {workflow.name!r} has no slot {slot!r}; it has "
                f"{', '.join(sorted(workflow.places))}. A node's input is written node.input, such "
                "as '3.cfg'",
                field=f"extra_params.{slot}",
            )

        places = (place,)

    if slot in {*ROLES, "image"} and isinstance(value, list):
        return {place: _plain(item) for place, item in zip(places, value, strict=False)}

    return dict.fromkeys(places, _plain(value))


def _plain(value: Any) -> Any:
    # A plan's placeholders are of a type of their own, and stay.
    return value.removeprefix(REFERENCE) if isinstance(value, str) and REFERENCE in value else value


__all__ = ["IMAGE_FALLBACK", "INPUTS", "MODELS", "VIDEO_FALLBACK", "body_of", "mappers_of"]
