"""Runway: which endpoint takes a request, and what the model takes there.

The schemas are in data/runway.json, built from the types of Runway's SDK by
tools/build_runway.py. Knows no wire beyond the names of parameters and endpoints.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from ..._data._hints import give_parameter, use_function
from ..._data._types import JsonObject, Kind
from ..._support._shipped import shipped
from ...catalog import Lifecycle, ModelSpec, ends, lifecycle
from ...exceptions import UnsupportedOperationError, ValidationError
from ...mapping import FieldMapper, Shapes, longest_prefix
from ...media import Rules, measures_of
from ...models import Adjustment
from .mappers import MAKERS, Mappers, listed, mappers_of, ratio_mapper
from .requested import joint_adjustments

DATA: JsonObject = json.loads(shipped(__package__, "models.json"))["endpoints"]
FRAME_ROLES = frozenset({"first_frame", "last_frame", "reference"})
"""Whose picture a video may begin, or end, with."""
BY_THE_BYTES = Rules(untrusted=True)
"""Text that could name a file is opened where the request is made ready, and not here."""
# Of several endpoints that take a request, the first.
ENDPOINTS: Mapping[Kind, tuple[str, ...]] = {
    "video": (
        "text_to_video",
        "image_to_video",
        "video_to_video",
        "video_upscale",
        "video_to_hdr",
        "character_performance",
    ),
    "image": ("text_to_image", "image_upscale"),
}
TABLES: Mapping[str, Mapping[str, Mappers]] = {
    endpoint: {
        model: mappers_of(schema, kind, edits=model in DATA["video_to_video"])
        for model, schema in DATA[endpoint].items()
    }
    for kind, endpoints in ENDPOINTS.items()
    for endpoint in endpoints
}

# Runway's own models are named before those of others where a model can't take something.
PREFERRED = ("gen4.5", "aleph2", "gen4_image", "gen4_turbo")
FAMILY = 4
"""Characters that two ids must share to be of one family."""
NEEDS = ("text", "first_frame", "last_frame", "reference", "asset", "video", "mask_image")

FALLBACK_SHAPES = Shapes.of(("1280:720", "720:1280"), "video")


def _merged(model: str) -> Mappers:
    """Return everything a model takes at any endpoint; required is what each of them requires."""
    tables = [models[model] for models in TABLES.values() if model in models]
    merged: Mappers = {}
    for table in reversed(tables):
        for name, mapper in table.items():
            everywhere = all(name in other and other[name].required for other in tables)
            merged[name] = mapper if everywhere or not mapper.required else _optional(mapper)

    return merged


def _optional(mapper: FieldMapper) -> FieldMapper:
    return FieldMapper(
        mapper.source_field,
        mapper.converter,
        allowed=mapper.allowed,
        roles=mapper.roles,
        most=mapper.most,
        also=mapper.also,
    )


# https://developer.ideogram.ai/ideogram-api/masked-edits: what Runway hands on.
MASKS: Mapping[str, str] = {"ideogram_4_5": "black"}
MODELS: Mapping[str, Mappers] = {
    model: _merged(model)
    for model in dict.fromkeys(id_ for entry in DATA.values() for id_ in entry)
}

OPTIONAL = False
_TEXT = {"type": "string"}
_FRAMES: JsonObject = {
    "type": "array",
    "items": {"properties": {"position": {"enum": ["first", "last"]}}, "required": ["position"]},
}
_LIST: JsonObject = {"type": "array"}


def _fallback(kind: Kind, **shapes: Any) -> Mappers:
    made = {name: MAKERS[name](shape, OPTIONAL, kind) for name, shape in shapes.items()}
    return {name: mapper for name, mapper in made.items() if mapper is not None}


# What the endpoints agree on, for models that are newer than the data.
VIDEO_FALLBACK: Mappers = {
    **_fallback(
        "video",
        promptText=_TEXT,
        promptImage=_FRAMES,
        references=_LIST,
        videoUri=_TEXT,
        duration={"type": "integer"},
        seed={"type": "integer"},
    ),
    "ratio": ratio_mapper(FALLBACK_SHAPES),
}
IMAGE_FALLBACK: Mappers = {
    **_fallback("image", promptText=_TEXT, referenceImages=_LIST, seed={"type": "integer"}),
    "ratio": FieldMapper("size", lambda _request, size: size and size.replace("x", ":")),
}


# ---------------------------------------------------------------------------------------- endpoint
def endpoint_of(model: str, kind: Kind, request: Any) -> str:
    """Return the endpoint that takes a request: the first that has a place for all it holds."""
    offered = [endpoint for endpoint in ENDPOINTS[kind] if model in TABLES[endpoint]]
    given, extra = _given(request), set(request.extra_params)
    known = {name for endpoint in offered for name in DATA[endpoint][model]["properties"]}
    for endpoint in offered:
        takes, needs = _media(TABLES[endpoint][model], extra)
        unplaced = (extra & known) - DATA[endpoint][model]["properties"].keys()
        if given <= takes and _met(needs, given) and not unplaced:
            return endpoint

    return _likeliest(offered or ENDPOINTS[kind], given)


def _likeliest(offered: Sequence[str], given: set[str]) -> str:
    """Return the endpoint whose refusal, or whose way to adapt the request, makes most sense."""
    wanted = "video_to_video" if "video" in given else "image_to_video" if given else offered[0]
    return wanted if wanted in offered else offered[0]


def _given(request: Any) -> set[str]:
    media = {name for name in ("video", "mask_image") if getattr(request, name, None) is not None}
    return media | {image.get("type", "reference") for image in request.image_list}


def _media(table: Mappers, extra: Collection[str] = ()) -> tuple[set[str], list[set[str]]]:
    """Return all media that a table has a place for, and the sets of which one must be given.

    Args:
        table: The mappers of a model at an endpoint.
        extra: Parameters that the user gives directly, so that nobody needs to.
    """
    takes: set[str] = set()
    needs: list[set[str]] = []
    for name, mapper in table.items():
        if mapper.source_field in {"image_list", "video", "mask_image"}:
            places: set[str] = {*mapper.roles} or {mapper.source_field}
            takes |= places
            if mapper.required and name not in extra:
                needs.append(places)

    return takes, needs


def _met(needs: Sequence[set[str]], given: set[str]) -> bool:
    return all(given & places for places in needs)


# ------------------------------------------------------------------------------------------- model
def spec_for(model: str, kind: Kind, request: Any) -> ModelSpec:
    """Return what a model takes, at the endpoint that takes this request.

    Args:
        model: The id as the user wrote it; one that Runway retired becomes its successor.
        kind: What is asked of it.
        request: What is asked for, before it is fitted.

    Raises:
        UnsupportedOperationError: The model makes something else.
        ValidationError: A parameter is missing that only `extra_params` can give.
    """
    sent, adjustments = _successor(model)
    known = longest_prefix(sent, MODELS)
    if known is None:
        fallback = VIDEO_FALLBACK if kind == "video" else IMAGE_FALLBACK
        endpoint = _likeliest(ENDPOINTS[kind], _given(request))
        return ModelSpec("runway", sent, kind, fallback, generic=True, endpoint=endpoint)

    _check_kind(known, kind)
    endpoint = endpoint_of(known, kind, request)
    table = TABLES[endpoint][known]
    _check_extra(endpoint, known, request)
    shapes = _shapes(endpoint, known, kind)
    if shapes is not None and _follows_frames(endpoint, shapes, request):
        shapes = shapes.without_sizes()
        table = {**table, "ratio": ratio_mapper(shapes)}
    elif shapes is not None and shapes.required and endpoint == "image_to_video":
        shapes = replace(shapes, usual=_seen_proportion(request))
        table = {**table, "ratio": ratio_mapper(shapes)}

    words = listed(DATA[endpoint][known]["properties"].get("resolution", {}))
    adjustments += joint_adjustments(sent, table, shapes, words, request)
    return ModelSpec(
        "runway",
        sent,
        kind,
        table,
        _alternatives(known, kind),
        endpoint=endpoint,
        adjustments=tuple(adjustments),
    )


def successor_of(model: str) -> str | None:
    """Return the id that replaces a retired one."""
    ended = lifecycle("runway", model)
    return None if ended is None else ended.successor


def _successor(model: str) -> tuple[str, list[Adjustment]]:
    new = successor_of(model)
    if new is None:
        return model, []

    reason = f"Runway's SDK no longer knows {model}, and {new} is its successor"
    return new, [Adjustment(field="model", requested=model, sent=new, reason=reason)]


def _check_kind(model: str, kind: Kind) -> None:
    if not any(model in TABLES[endpoint] for endpoint in ENDPOINTS[kind]):
        other = "image" if kind == "video" else "video"
        raise UnsupportedOperationError(
            f"{model} makes {other}s, no {kind}", "runway", model, hints=[use_function(other)]
        )


def _check_extra(endpoint: str, model: str, request: Any) -> None:
    schema = DATA[endpoint][model]
    for name in schema["required"]:
        if name not in TABLES[endpoint][model] and name not in request.extra_params:
            values = listed(schema["properties"][name])
            allowed = f", one of {values}" if values else ""
            raise ValidationError(
                f"{model} needs {name!r}{allowed}",
                "runway",
                model,
                code="missing_parameter",
                hints=[give_parameter()],
            )


@lru_cache(maxsize=256)
def _shapes(endpoint: str, model: str, kind: Kind) -> Shapes | None:
    schema = DATA[endpoint][model]
    values = listed(schema["properties"].get("ratio", {}))
    required = "ratio" in schema["required"]
    return Shapes.of(values, kind, required=required) if values else None


def _seen_proportion(request: Any) -> float | None:
    """Return width by height of the frame to begin with; None where it is not here, or none is.

    Runway crops what does not fit its `ratio`, and some models want one even if nobody asks.
    """
    frames = [image for image in request.image_list if image.get("type") in FRAME_ROLES]
    if not frames:
        return None

    begins = next((frame for frame in frames if frame.get("type") == "first_frame"), frames[0])
    first = request.model_copy(update={"image_list": (begins,), "video": None})
    (seen,) = measures_of(first, BY_THE_BYTES).images
    return None if seen is None else seen[0] / seen[1]


def _follows_frames(endpoint: str, shapes: Shapes, request: Any) -> bool:
    """Tell whether the first frame gives the shape: Runway then refuses all but the tiers."""
    mixed = shapes.in_pixels and shapes.sizes and shapes.tiers
    framed = _given(request) & {"first_frame", "last_frame"}
    return bool(endpoint == "image_to_video" and mixed and framed)


# ---------------------------------------------------------------------------------------- siblings
@lru_cache(maxsize=256)
def _alternatives(model: str, kind: Kind) -> Mapping[str, str]:
    """Return the nearest other models that take what this one can't."""
    mine = _needs(model, kind)
    by_need = {}
    for need in NEEDS:
        if need not in mine:
            others = [other for other in MODELS if need in _needs(other, kind)]
            if others:
                by_need[need] = min(others, key=lambda other: _distance(model, other))

    return by_need


def _distance(model: str, other: str) -> tuple[int, int]:
    shared = next(
        (at for at, pair in enumerate(zip(model, other, strict=False)) if len(set(pair)) > 1),
        min(len(model), len(other)),
    )
    rank = PREFERRED.index(other) if other in PREFERRED else len(PREFERRED)
    return -shared if shared >= FAMILY else 0, rank


@lru_cache(maxsize=256)
def _needs(model: str, kind: Kind) -> frozenset[str]:
    """Return what a model can be asked for with: media alone, or text alone."""
    return frozenset(_needs_of(model, kind))


def _needs_of(model: str, kind: Kind) -> Iterator[str]:
    for endpoint in ENDPOINTS[kind]:
        table = TABLES[endpoint].get(model)
        if table is not None:
            takes, needs = _media(table)
            yield from takes
            if not needs:
                yield "text"


GONE = "absent from the types of runwayml 5.24.0"
ENDS: Mapping[str, Lifecycle] = {
    "aleph": ends(None, "aleph2", GONE),
    "gen-3-alpha": ends(None, "gen4.5", GONE),
    "gen3a": ends(None, "gen4.5", GONE),
    "gen3a_turbo": ends(None, "gen4_turbo", GONE),
    "gen4_aleph": ends(None, "aleph2", GONE),
    "upscale_v1": ends(None, "magnific_video_upscaler_creative", GONE),
    "veo3": ends(None, "veo3.1", GONE),
}
