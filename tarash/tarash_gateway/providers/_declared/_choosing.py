"""Which form of a declared model a request means, and what the forms take together. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..._support._paths import value_at
from ...exceptions import ValidationError
from ...mapping import FieldMapper, Span
from ._asked import has
from ._names import merged, put
from ._takes import Model, Take

if TYPE_CHECKING:
    from ._model import ProviderDeclaration

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
    placing = (one for one in (*fitting, *forms) if given <= _places(one))
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
        limits = [one.most for one in ones]
        joined[name] = FieldMapper(
            ones[0].source_field,
            ones[0].converter,
            len(ones) == len(forms) and all(one.required for one in ones),
            allowed=_allowed([one.allowed for one in ones]),
            roles=tuple(dict.fromkeys(role for one in ones for role in one.roles)),
            most=None if None in limits else max(limit or 0 for limit in limits),
            also=ones[0].also,
            geometry=max((one.geometry for one in ones), key=lambda one: len(_named(one))),
        )

    return joined


def _named(geometry: Any) -> tuple[Any, ...]:
    return () if geometry is None else tuple(geometry.named)


def _allowed(allowed: Sequence[Any]) -> Any:
    """Return what one or another allows; a span wins over what is listed."""
    if any(one is None for one in allowed):
        return None

    spans = [one for one in allowed if isinstance(one, Span)]
    return spans[0] if spans else tuple(dict.fromkeys(value for one in allowed for value in one))


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
            put(whole, path, [*(one for one in mapped if not _gives_way(one, given, mine)), *given])

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

        if not any(_has(one, take.part) for one in given):
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
