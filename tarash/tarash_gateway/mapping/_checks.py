"""Refuses field mappers and tables of them that could only fail later, when a request is mapped."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from .._data._types import ImageRole
from .._support._words import with_article
from ..exceptions import ValidationError
from ..models import ImageGenerationRequest, VideoGenerationRequest

FIELDS = frozenset({*VideoGenerationRequest.model_fields, *ImageGenerationRequest.model_fields})
ROLES = frozenset(get_args(ImageRole))
SHAPE = "{model_or_prefix: {parameter: FieldMapper}}"


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
        if _is_mapper(mappers):
            raise ValidationError(
                f"the mapping for {provider!r} has mappers where models are expected: write "
                f"{SHAPE}, with '' as the model for all of them"
            )

        for parameter, mapper in _items(mappers, where):
            if not _is_mapper(mapper):
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


def _is_mapper(value: object) -> bool:
    from ._field_mapper import FieldMapper

    return isinstance(value, FieldMapper)


def _hint(name: str, possible: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, possible, n=1)
    return f"did you mean {near[0]!r}?" if near else f"possible: {', '.join(sorted(possible))}"
