"""Refuses field mappers that could only fail later, when a request is mapped."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import get_args

from .._data._types import ImageRole
from .._support._words import with_article
from ..exceptions import ValidationError
from ..models import ImageGenerationRequest, VideoGenerationRequest

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
