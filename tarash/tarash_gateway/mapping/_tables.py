"""Refuses tables of field mappers that could only fail later, when a request is mapped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._support._words import with_article
from ..exceptions import ValidationError
from ._field_mapper import FieldMapper

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
