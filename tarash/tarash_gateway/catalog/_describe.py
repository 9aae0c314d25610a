"""Reads capabilities out of model specs: describe one model, list many. No network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .._data._model_info import (
    ImageCapability,
    ModelDescription,
    ModelInfo,
    ModelParameter,
    NumberRange,
)
from .._data._types import Kind
from ..exceptions import ValidationError
from ..mapping import FieldMapper, Lines, Ratios, Sizes, Span, longest_prefix
from . import _schema_store
from ._lifecycle import lifecycle, retired
from ._lookup import from_record, lookup
from ._modules import Mappers, command_to_add, elsewhere, makes, named
from ._sources import is_described, module_of, names, schemas_of
from ._spec import ModelSpec
from ._suggestions import near_ids

if TYPE_CHECKING:
    from ..media._mask import MaskForm

EVERY_ROLE = ("first_frame", "last_frame", "reference", "asset", "style")


def outputs_of(provider: str, model: str) -> tuple[str, ...]:
    """Return what a model makes, itself or its family; empty where nobody knows."""
    if not is_described(provider):
        return ()

    stored = _schema_store.record(provider, model)
    if stored is not None:
        return tuple(stored[0]["outputs"])

    of_family = makes(provider, model)
    return () if of_family is None else (of_family,)


def describe(
    provider: str,
    model: str,
    kind: Kind | None = None,
    registered: Mapping[str, Mappers] | None = None,
) -> ModelDescription:
    """Return what a model takes and makes.

    Args:
        provider: The provider's name.
        model: The model's id.
        kind: What is asked about, for a model that makes several things.
        registered: The application's own mappers.

    Raises:
        ValidationError: The catalogue has no such model; the message names the nearest.
    """
    outputs = outputs_of(provider, model)
    asked: Kind = kind or ("image" if "image" in outputs and "video" not in outputs else "video")
    spec = lookup(provider, model, asked, registered)
    if spec.source in {"generic", "relative"}:
        raise ValidationError(_unknown(provider, model), provider, model)

    return ModelDescription(
        **_info(spec),
        kind=asked,
        source=spec.source,
        recorded=_recorded(spec),
        schema_warning=spec.schema_warning or spec.guess_warning,
        **_shapes(spec),
        **_media(spec),
        **_values_taken(spec),
        needs_extra=tuple(
            name
            for name, mapper in spec.mappers.items()
            if mapper.required and mapper.source_field == "extra_params"
        ),
        parameters=tuple(_parameters(spec)),
    )


def list_all(provider: str | None = None) -> Iterator[ModelInfo]:
    """Yield every model of the catalogue, by provider and id."""
    known = provider is not None and is_described(provider)
    for name in names() if provider is None else [provider] if known else []:
        yield from sorted(_list_one(name), key=lambda info: info.model)


def _list_one(provider: str) -> Iterator[ModelInfo]:
    described = set()
    for model, (record, source) in _schema_store.records(provider):
        made: Kind = "video" if "video" in record["outputs"] else "image"
        described.add(model)
        yield ModelInfo(**_info(from_record(provider, model, made, record, source)))

    for model, kind in named(provider).items():
        if model not in described:
            yield ModelInfo(**_info(replace(lookup(provider, model, kind), outputs=(kind,))))


def _unknown(provider: str, model: str) -> str:
    near = near_ids(provider, model)
    others = elsewhere(provider, model)
    if not near and others:
        return f"{provider} has no model {model!r} in the catalogue; {others}"

    if not near:
        return f"nothing is known of the models of {provider!r}; see the provider's documentation"

    asked = schemas_of(provider) is not None
    fetch = f" `{command_to_add(provider, model)}` fetches the schema of a new one" if asked else ""
    meant = ", ".join(near)
    sentence = f"{provider} has no model {model!r} in the catalogue; did you mean {meant}?{fetch}"
    return f"{sentence} Elsewhere: {others}" if others else sentence


def _info(spec: ModelSpec) -> dict[str, Any]:
    end = lifecycle(spec.provider, spec.model)
    return {
        "provider": spec.provider,
        "model": spec.model,
        "name": spec.facts.get("name"),
        "category": spec.facts.get("category"),
        "outputs": spec.outputs,
        "takes": tuple(_takes(spec)),
        **_durations(spec),
        "shutdown": None if end is None else end.shutdown,
        "successor": None if end is None else end.successor,
        "deprecated": end is not None and end.is_deprecated,
        "retired": retired(spec.provider, spec.model, datetime.now(UTC).date()) is not None,
    }


def _takes(spec: ModelSpec) -> Iterator[str]:
    roles = {role for mapper in _reading(spec, "image_list") for role in mapper.roles or EVERY_ROLE}
    yield from (role for role in EVERY_ROLE if role in roles)
    for field, word in (("video", "video"), ("mask_image", "mask")):
        if _reading(spec, field):
            yield word


def _reading(spec: ModelSpec, field: str) -> list[FieldMapper]:
    return [mapper for mapper in spec.mappers.values() if mapper.source_field == field]


def _allowed(spec: ModelSpec, field: str) -> Any:
    mapper = next(iter(_reading(spec, field)), None)
    if mapper is None:
        return None

    return mapper.frames.span if mapper.frames is not None else mapper.allowed


def _durations(spec: ModelSpec) -> dict[str, Any]:
    allowed = _allowed(spec, "duration_seconds")
    if isinstance(allowed, Span):
        return {
            "duration_range": NumberRange(low=allowed.low, high=allowed.high, step=allowed.step)
        }

    return {"durations": tuple(allowed or ())}


def _recorded(spec: ModelSpec) -> str | None:
    live, shipped = (
        _schema_store.recorded(spec.provider) if is_described(spec.provider) else (None, None)
    )
    return {"live": live, "package": shipped}.get(spec.source)


def _shapes(spec: ModelSpec) -> dict[str, Any]:
    """Return what is said of the picture's shape."""
    shapes: dict[str, Any] = {"aspect_ratios": (), "resolutions": (), "sizes": ()}
    for name, mapper in spec.mappers.items():
        geometry = mapper.geometry
        if geometry is None:
            plain = {"aspect_ratio": "aspect_ratios", "resolution": "resolutions", "size": "sizes"}
            if mapper.source_field in plain and not isinstance(mapper.allowed, Span | None):
                shapes[plain[mapper.source_field]] = tuple(map(str, mapper.allowed))
            continue

        named = tuple(map(str, geometry.named))
        if isinstance(geometry, Ratios):
            shapes["aspect_ratios"] = named
        elif isinstance(geometry, Lines):
            shapes["resolutions"] = named
        else:
            free = not isinstance(geometry, Sizes) or geometry.free is not None
            shapes |= {"sizes": named, "free_size": bool(name and free)}

    return shapes


def _media(spec: ModelSpec) -> dict[str, Any]:
    roles: dict[str, list[FieldMapper]] = {}
    for mapper in _reading(spec, "image_list"):
        for role in mapper.roles or EVERY_ROLE:
            roles.setdefault(role, []).append(mapper)

    images = tuple(_image(role, mappers) for role, mappers in roles.items())
    video, mask = _reading(spec, "video"), _reading(spec, "mask_image")
    return {
        "images": images,
        "takes_video": bool(video),
        "takes_mask": bool(mask),
        "needs_video": any(mapper.required for mapper in video),
        "needs_mask": any(mapper.required for mapper in mask),
    }


def _image(role: str, mappers: list[FieldMapper]) -> ImageCapability:
    """Return what is said of one role, given the parameters that take it."""
    limits = [mapper.most for mapper in mappers]
    home = [mapper for mapper in mappers if not mapper.roles or mapper.roles[0] == role]
    needed = [mapper for mapper in home if mapper.required]
    counts = [1 if mapper.slot is None else mapper.slot.least for mapper in needed or home[:1]]
    return ImageCapability.model_validate(
        {
            "role": role,
            "most": None if None in limits else sum(limit or 0 for limit in limits),
            "least": max(sum(counts), 1),
            "required": bool(needed),
        }
    )


def _values_taken(spec: ModelSpec) -> dict[str, Any]:
    count = _allowed(spec, "n") or _allowed(spec, "number_of_videos")
    most = count.high if isinstance(count, Span) else max(count) if count else None
    return {
        "audio": bool(_reading(spec, "generate_audio")),
        "seed": bool(_reading(spec, "seed")),
        "negative_prompt": bool(_reading(spec, "negative_prompt")),
        "enhance_prompt": bool(_reading(spec, "enhance_prompt")),
        "most_outputs": None if most is None else int(most),
        "qualities": tuple(_allowed(spec, "quality") or ()),
        "styles": tuple(_allowed(spec, "style") or ()),
    }


def _parameters(spec: ModelSpec) -> Iterator[ModelParameter]:
    if spec.schema is None:
        for name, mapper in spec.mappers.items():
            yield ModelParameter(name=name, source=mapper.source_field, required=mapper.required)
        return

    required = set(spec.schema.get("required") or ())
    for name, schema in spec.schema["properties"].items():
        source = spec.mappers[name].source_field if name in spec.mappers else "extra_params"
        branches = schema.get("anyOf") or [schema]
        kinds = [str(branch["type"]) for branch in branches if "type" in branch]
        yield ModelParameter(
            name=name,
            source=None if source == "extra_params" else source,
            type="|".join(dict.fromkeys(kinds)) or "any",
            required=name in required,
            default=schema.get("default"),
            allowed=tuple(value for branch in branches for value in branch.get("enum") or ()),
        )


CHANGED = "inpaint|paint|edit|replac|fill|chang|modif|regenerat|remov|eras|sketch|transparen"


def _changing(colour: str, other: str) -> re.Pattern[str]:
    kept = f"{other}|keep|kept|preserv"
    return re.compile(rf"\b{colour}\b(?:(?!{kept})[^.;])*?\b\w*?(?:{CHANGED})", re.IGNORECASE)


BLACK, WHITE = _changing("black", "white"), _changing("white", "black")


def mask_form_of(spec: ModelSpec) -> MaskForm:
    """Return which pixels of a mask a model changes; white ones where nobody says."""
    if is_described(spec.provider):
        declared: Mapping[str, MaskForm] = getattr(module_of(spec.provider), "MASKS", {})
        matched = longest_prefix(spec.model, declared)
        if matched is not None:
            return declared[matched]

    properties: Mapping[str, Any] = (spec.schema or {}).get("properties") or {}
    for parameter, mapper in spec.mappers.items():
        if mapper.source_field == "mask_image":
            description = str((properties.get(parameter) or {}).get("description") or "")
            return (
                "black" if BLACK.search(description) and not WHITE.search(description) else "white"
            )

    return "white"
