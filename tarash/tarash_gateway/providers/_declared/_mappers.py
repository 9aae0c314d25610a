"""Makes field mappers of what a declaration says that a model takes. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ...mapping import FieldMapper, Span
from ...media import to_wire
from ._model import Model, ProviderDeclaration, Take
from ._names import put

MEDIA = ("video", "mask_image")


def mappers_of(said: ProviderDeclaration, kind: str, model: Model | None) -> dict[str, FieldMapper]:
    """Return the mappers of a model; of the first of its kind for ids that nobody knows."""
    if model is None:
        model = next((one for one in said.models if one.kind == kind), None)

    takes = {} if model is None else model.takes
    return {name: mapper_of(said, one) for name, one in takes.items()}


def mapper_of(said: ProviderDeclaration, take: Take) -> FieldMapper:
    """Return the mapper of one parameter."""
    allowed: Any = take.allowed
    if allowed is None and (take.low is not None or take.high is not None):
        allowed = Span(take.low, take.high, 1 if take.form == "int" else None)

    bare = said.media.inline == "base64"

    def convert(request: Any, value: Any) -> Any:
        del request
        if take.source == "image_list":
            mine = [one for one in value or () if _is_mine(one, take)]
            found = [_part(take, _text(one["image"], said, bare), one.get("type")) for one in mine]
            return (found if _is_list(take) else next(iter(found), None)) or None

        if value is None:
            value = take.default
        elif take.source in MEDIA:
            value = _text(value, said, bare)
        else:
            value = _formed(take, value)

        return None if value is None else _part(take, value, None)

    return FieldMapper(
        take.source,
        convert,
        take.required,
        allowed=allowed,
        roles=take.roles,
        most=take.most,
    )


def _is_mine(image: Mapping[str, Any], take: Take) -> bool:
    return not take.roles or image.get("type", "reference") in take.roles


def _is_list(take: Take) -> bool:
    return take.most != 1 or (take.at or "").endswith("[]")


def _text(media: Any, said: ProviderDeclaration, bare: bool) -> Any:
    text = to_wire(media, said.title)
    is_inline = bare and type(text) is str and text[:5].lower() == "data:"
    return text.partition(",")[2] if is_inline else text


def _formed(take: Take, value: Any) -> Any:
    key = str(value).lower() if isinstance(value, bool) else str(value)
    if key in take.words:
        return take.words[key]

    if take.form == "int":
        return int(value) if float(value).is_integer() else value

    if take.form in ("text", "seconds_text"):
        plain = int(value) if isinstance(value, float) and value.is_integer() else value
        return f"{plain}s" if take.form == "seconds_text" else str(plain)

    return value


def _part(take: Take, value: Any, role: str | None) -> Any:
    if not take.part and take.value_at is None:
        return value

    part = copy.deepcopy(take.part)
    put(part, take.value_at or "value", value)
    if take.role_at is not None:
        put(part, take.role_at, take.words.get(role or "reference", role or "reference"))

    return part
