"""One request field → one provider parameter, declared as data, and how to apply a table of them.

Pure: takes a request, returns values for the wire.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

from .._data._types import ImageRole
from .._support._words import with_article
from ..exceptions import ValidationError
from ..models import ImageGenerationRequest, VideoGenerationRequest

if TYPE_CHECKING:
    from ._geometry import Geometry
    from ._limits import Allowed
    from ._seconds import Frames
    from ._slots import Slot

    Request: TypeAlias = VideoGenerationRequest | ImageGenerationRequest

FIELDS = frozenset({*VideoGenerationRequest.model_fields, *ImageGenerationRequest.model_fields})
ROLES = frozenset(get_args(ImageRole))


def check_mapper(sources: Iterable[str], converter: object, roles: Iterable[object]) -> None:
    """Check what a mapper is made of.

    Raises:
        ValidationError: There is no such request field or role, or the converter can't be called.
    """
    for source in sources:
        if source not in FIELDS:
            raise ValidationError(f"requests have no field {source!r}; {_hint(source, FIELDS)}")

    for role in roles:
        check_choice("image_type", role, ROLES)

    if not callable(converter):
        raise ValidationError(
            f"a converter is called with the request and the field's value; this is "
            f"{with_article(type(converter).__name__)}"
        )


def check_choice(name: str, value: object, possible: Iterable[str]) -> None:
    """Check that a factory's argument is one of a few words.

    Raises:
        ValidationError: It is not; the message has the nearest, or all of them.
    """
    possible = frozenset(possible)
    if not isinstance(value, str) or value not in possible:
        raise ValidationError(f"{name}={value!r} is not possible; {_hint(str(value), possible)}")


def _hint(name: str, possible: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, possible, n=1)
    return f"did you mean {near[0]!r}?" if near else f"possible: {', '.join(sorted(possible))}"


Converter = Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class FieldMapper:
    """How one request field becomes one provider parameter.

    Attributes:
        source_field: The request's field, such as `prompt` or `image_list`.
        converter: Called with the request and the field's value; returns the value for the wire,
            or None to leave the parameter out.
        required: Whether the provider refuses a request without it.
        allowed: The values of the request field that the model takes; None for any. A value
            becomes the nearest of them before the converter sees it.
        roles: For images: the roles that this parameter takes; empty for all.
        most: For images: how many this parameter takes; None for any number.
        also: Further request fields that the converter reads.
        frames: For a duration that is sent as frames: how they are counted.
        geometry: For aspect ratio, resolution and size: how the picture's shape is sent.
        slot: For images of a model with a schema: how they share its parameters.

    Raises:
        ValidationError: Requests have no such field, or images no such role.
    """

    source_field: str
    converter: Converter
    required: bool = False
    allowed: Allowed | None = field(default=None, kw_only=True)
    roles: tuple[ImageRole, ...] = field(default=(), kw_only=True)
    most: int | None = field(default=None, kw_only=True)
    also: tuple[str, ...] = field(default=(), kw_only=True)
    frames: Frames | None = field(default=None, kw_only=True)
    geometry: Geometry | None = field(default=None, kw_only=True)
    slot: Slot | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        check_mapper(self.sources, self.converter, self.roles)

    @property
    def sources(self) -> tuple[str, ...]:
        """All request fields that it reads."""
        return (self.source_field, *self.also)


def apply_field_mappers(mappers: Mapping[str, FieldMapper], request: Request) -> dict[str, Any]:
    """Return the provider's parameters for a request; parameters without a value are left out.

    Raises:
        ValidationError: A required parameter has no value, or a converter refuses one.
    """
    parameters = {}
    for parameter, mapper in mappers.items():
        value = mapper.converter(request, getattr(request, mapper.source_field, None))
        if value is not None:
            parameters[parameter] = value
        elif mapper.required:
            raise ValidationError(
                f"{parameter!r} is required and comes from {described(mapper)}; set it, or give "
                f"{parameter!r} in extra_params"
            )

    return parameters


def described(mapper: FieldMapper) -> str:
    """Name the request field of a mapper, with the roles that it takes."""
    if mapper.source_field != "image_list" or not mapper.roles:
        return f"the field {mapper.source_field!r}"

    return f"an image of type {' or '.join(map(repr, mapper.roles))} in 'image_list'"


def get_field_mappers_from_registry(
    model_name: str,
    registry: Mapping[str, Mapping[str, FieldMapper]],
    fallback_mappers: Mapping[str, FieldMapper],
) -> Mapping[str, FieldMapper]:
    """Return a model's mappers: by its exact name, else by the longest prefix, else the fallback.

    Args:
        model_name: The model's id, such as `minimax/video-01:abc123`.
        registry: Mappers by model id or prefix, such as `minimax/`.
        fallback_mappers: For models that nothing in the registry covers.
    """
    matched = longest_prefix(model_name, registry)
    return fallback_mappers if matched is None else registry[matched]


def longest_prefix(model: str, known: Mapping[str, Any]) -> str | None:
    """Return the key that equals the model's id or is its longest prefix; None if none is."""
    if model in known:
        return model

    return max((key for key in known if model.startswith(key)), key=len, default=None)


SHAPE = "{model_or_prefix: {parameter: FieldMapper}}"


def check_mapping(provider: str, mapping: object) -> None:
    """Check a table of mappers by model id or prefix.

    Args:
        provider: Whose models they are, for the message.
        mapping: What was given.

    Raises:
        ValidationError: It has another shape.
    """
    for model, mappers in _items(mapping, f"the mapping for {provider!r}"):
        where = f"the mapping for {model!r}"
        if isinstance(mappers, FieldMapper):
            raise ValidationError(
                f"the mapping for {provider!r} has mappers where models are expected: write "
                f"{SHAPE}, with '' as the model for all of them"
            )

        for parameter, mapper in _items(mappers, where):
            if not isinstance(mapper, FieldMapper):
                raise ValidationError(
                    f"{where} has {with_article(type(mapper).__name__)} for {parameter!r}, and a "
                    f"FieldMapper is needed, such as passthrough_field_mapper('prompt')"
                )


def _items(table: object, where: str) -> Iterable[tuple[str, Any]]:
    if not isinstance(table, Mapping):
        raise ValidationError(f"{where} is {with_article(type(table).__name__)}; write {SHAPE}")

    for key in table:
        if not isinstance(key, str):
            raise ValidationError(f"{where} has the key {key!r}, which is no text; write {SHAPE}")

    return table.items()
