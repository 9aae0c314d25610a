"""Which form of a declared model a request means, and what the forms take together. Pure.

What a provider's own row says of a model leaves of its forms what the model has. A row is kept as a
schema of the parameters that rows tell of, so that it is stored like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..._support._paths import value_at, values_at
from ...exceptions import ValidationError
from ...mapping import FieldMapper, Span
from .._result_facts import mapping
from ._asked import has
from ._mappers import mappers_of
from ._names import holds, merged, put
from ._takes import Model, Take

if TYPE_CHECKING:
    from ..._data._types import Kind
    from ._model import ProviderDeclaration
    from ._stages import Schemas

MEDIA = ("image_list", "video", "mask_image")
SOURCES = (*MEDIA, "continue_from")


def fits(part: Any, request: Any) -> bool:
    """Tell whether a request has what a part wants, and lacks what it doesn't."""
    return all(has(request, name) for name in part.has) and not any(
        has(request, name) for name in part.lacks
    )


def form_for(forms: Sequence[Model], request: Any) -> Model:
    """Return the form that a request means: one that has a place for all of its media."""
    fitting = [form for form in forms if fits(form, request)]
    given = _given(request)
    # A form that doesn't fit says what is missing, where it is the only one with a place.
    placing = (form for form in (*fitting, *forms) if given <= _places(form))
    return next(placing, (fitting or forms)[0])


def placed(forms: Sequence[Model], request: Any) -> Any:
    """Return a request whose one image has the one role that it can have here."""
    images = request.image_list
    if len(images) != 1 or images[0].get("type", "reference") != "reference":
        return request

    mine = [take for form in forms for take in form.takes.values() if take.source == "image_list"]
    takes_any = any(not take.roles or "reference" in take.roles for take in mine)
    if takes_any or not any(take.roles[:1] == ("first_frame",) for take in mine):
        return request

    return request.model_copy(update={"image_list": ({**images[0], "type": "first_frame"},)})


def _given(request: Any) -> set[str]:
    given = {image.get("type", "reference") for image in request.image_list}
    return given | {name for name in MEDIA[1:] if getattr(request, name, None) is not None}


def _places(form: Model) -> set[str]:
    media = [take for take in form.takes.values() if take.source in MEDIA and take.refused is None]
    return {place for medium in media for place in medium.roles or (medium.source,)}


def siblings(
    declaration: ProviderDeclaration, kind: str, model: str, request: Any
) -> dict[str, str]:
    """Return other models by what they take, or by `text` where they need no media.

    Where no form of this model has a place for all media of a request, those that have one.
    """
    mine_forms, given = declaration.forms_of(kind, model), _given(request)
    needs_all = len(mine_forms) > 1 and not any(given <= _places(form) for form in mine_forms)
    mine = set() if needs_all else {need for form in mine_forms for need in _needs(form)}
    by_need: dict[str, str] = {}
    for form in declaration.models:
        names = [name for name in form.ids if name != model and not name.endswith("*")]
        fits_all = form.kind == kind and (not needs_all or given <= _places(form))
        for need in _needs(form) if names and fits_all else ():
            by_need.setdefault(need, names[0])

    # Where this model does without media too, others are no help.
    return {need: name for need, name in by_need.items() if need not in mine}


def _needs(form: Model) -> Iterator[str]:
    yield from _places(form)
    if not any(take.required for take in form.takes.values() if take.source in MEDIA):
        yield "text"


def together(forms: Sequence[dict[str, FieldMapper]]) -> dict[str, FieldMapper]:
    """Return all that forms of one model take; required is what each of them requires."""
    if len(forms) == 1:
        return forms[0]

    joined: dict[str, FieldMapper] = {}
    for name in dict.fromkeys(name for form in forms for name in form):
        ones = [form[name] for form in forms if name in form]
        limits = [mapper.most for mapper in ones]
        joined[name] = FieldMapper(
            ones[0].source_field,
            ones[0].converter,
            len(ones) == len(forms) and all(mapper.required for mapper in ones),
            allowed=_allowed([mapper.allowed for mapper in ones]),
            roles=tuple(dict.fromkeys(role for mapper in ones for role in mapper.roles)),
            most=None if None in limits else max(limit or 0 for limit in limits),
            also=ones[0].also,
            geometry=max(
                (mapper.geometry for mapper in ones), key=lambda geometry: len(_named(geometry))
            ),
        )

    return joined


def _named(geometry: Any) -> tuple[Any, ...]:
    return () if geometry is None else tuple(geometry.named)


def _allowed(allowed: Sequence[Any]) -> Any:
    """Return what one or another allows; a span wins over what is listed."""
    if any(value is None for value in allowed):
        return None

    spans = [value for value in allowed if isinstance(value, Span)]
    return (
        spans[0] if spans else tuple(dict.fromkeys(value for values in allowed for value in values))
    )


def with_parts(
    body: dict[str, Any], own: Mapping[str, Any], takes: Mapping[str, Take]
) -> dict[str, Any]:
    """Return a body with the provider's own parameters, which win; media of the request stay.

    Where both have parts of one list, as of contents with roles, the list has both: only words that
    were mapped give way to a part of the same form.

    Raises:
        ValidationError: Both have the one part of its form that the list may have.
    """
    whole = merged(body, own)
    for place in {take.at: None for take in takes.values() if (take.at or "").endswith("[]")}:
        path = str(place).removesuffix("[]")
        mapped, given = value_at(body, path), value_at(own, path)
        if isinstance(mapped, list) and isinstance(given, list):
            mine = [take for take in takes.values() if take.at == place]
            put(
                whole,
                path,
                [*(part for part in mapped if not _gives_way(part, given, mine)), *given],
            )

    return whole


def check_media(
    mappers: Mapping[str, FieldMapper], takes: Mapping[str, Take], request: Any, own: Any
) -> None:
    """Refuse media of a request whose place the provider's own parameters have, too.

    Raises:
        ValidationError: There are some: one of both would be dropped.
    """
    for name, mapper in mappers.items():
        take = takes.get(name)
        place = (take.at if take is not None else None) or name
        value = getattr(request, mapper.source_field, None)
        if mapper.source_field not in SOURCES or not value or place.endswith("[]"):
            continue

        theirs, mine = value_at(own, place), mapper.converter(request, value)
        if mine is None or theirs is None:
            continue

        # An object may have further names from the user.
        apart = isinstance(theirs, Mapping) and isinstance(mine, Mapping) and bool(theirs)
        if not apart or theirs.keys() & mine.keys():
            raise ValidationError(
                f"{place} comes from {mapper.source_field!r} and from extra_params; give one",
                field=mapper.source_field,
            )


def _gives_way(part: Any, given: Sequence[Any], takes: Sequence[Take]) -> bool:
    for take in takes:
        if not take.part or not _has(part, take.part):
            continue

        if not any(_has(own_part, take.part) for own_part in given):
            return False

        if take.source in MEDIA and take.most == 1:
            name = " ".join(map(str, take.part.values()))
            raise ValidationError(
                f"{str(take.at).removesuffix('[]')} has {name} from {take.source} and from "
                "extra_params; give it in one of them",
                field=take.source,
            )

        return take.source not in MEDIA

    return False


def _has(part: Any, constants: Mapping[str, Any]) -> bool:
    return isinstance(part, Mapping) and constants.items() <= part.items()


def schema_in(row: Any, how: Schemas) -> dict[str, Any]:
    """Return what a row says, as a schema of the parameters that rows tell of."""
    properties: dict[str, Any] = {"prompt": {"type": "string"}}
    for name, path in how.values.items():
        values = [value for value in values_at(row, f"{path}[]") if isinstance(value, str | int)]
        if values:
            kind = "string" if isinstance(values[0], str) else "integer"
            properties[name] = {"type": kind, "enum": values}

    for name, span in how.spans.items():
        low, high = value_at(row, span.low), value_at(row, span.high)
        if type(low) in (int, float) and type(high) in (int, float):
            properties[name] = {"type": "number", "minimum": low, "maximum": high}

    taken = {name: holds(flag, row) for name, flag in how.taken_if.items()}
    taken |= {name: not holds(flag, row) for name, flag in how.not_taken_if.items()}
    return {
        "type": "object",
        "properties": {**{name: {} for name, has in taken.items() if has}, **properties},
    }


def narrowed(declaration: ProviderDeclaration, form: Model, schema: Mapping[str, Any]) -> Model:
    """Return a form without what the model's own row has not."""
    how = declaration.schemas_for(form.kind)
    in_rows = frozenset() if how is None else how.in_rows
    properties: Mapping[str, Any] = schema.get("properties") or {}
    gone = {take.source for name, take in form.takes.items() if name in in_rows - properties.keys()}
    takes = {}
    for name, take in form.takes.items():
        if name in in_rows and name not in properties:
            continue

        # Where there is no place for the other field, this one need not give way to it.
        limits = _limits(take, mapping(properties.get(name))) if name in in_rows else {}
        lacks = tuple(lack for lack in take.lacks if lack not in gone)
        takes[name] = take.model_copy(update={**limits, "lacks": lacks})

    return form.model_copy(update={"takes": takes})


def _limits(take: Take, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a row says of a parameter's values."""
    allowed, most = schema.get("enum"), schema.get("maximum")
    if allowed:
        default = take.default if take.default in allowed else None
        listed = {"allowed": tuple(allowed), "low": None, "high": None}
        return {**listed, "free": False, "default": default}

    low = schema.get("minimum")
    return {} if low is None or most is None else {"allowed": None, "low": low, "high": most}


class Narrowing:
    """Tells the catalogue what a model takes whose row was read."""

    def __init__(self, declaration: ProviderDeclaration) -> None:
        self._said = declaration

    def __call__(self, model: str, kind: Kind, schema: Mapping[str, Any]) -> dict[str, FieldMapper]:
        """Return what one or another form of the model takes."""
        forms = self._said.forms_of(kind, model)
        return together(
            [mappers_of(self._said, kind, narrowed(self._said, form, schema)) for form in forms]
        )
