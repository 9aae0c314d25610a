"""Which of a model's declared forms a request means, and what the model takes then. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...catalog import ModelSpec
from ...mapping import Apart, Beside, FieldMapper, Joint, Span, longest_prefix
from ._asked import has
from ._mappers import mapper_of, mappers_of, takes_of
from ._model import Model, ProviderDeclaration

if TYPE_CHECKING:
    from ..._data._exchange import Request
    from ..._data._types import Kind

Mappers = Mapping[str, FieldMapper]
MEDIA = ("image_list", "video", "mask_image")


class Variants:
    """The models of a declaration, by what they make and by their ids."""

    def __init__(self, said: ProviderDeclaration) -> None:
        self._said = said

    @cached_property
    def merged(self) -> dict[Kind, dict[str, Mappers]]:
        """What each model takes in one or another of its forms, by id or prefix."""
        return {
            kind: {
                name: _merged([mappers_of(self._said, kind, one) for one in forms])
                for name, forms in self._forms(kind).items()
            }
            for kind in self._said.makes
        }

    def _forms(self, kind: Kind) -> dict[str, list[Model]]:
        found: dict[str, list[Model]] = {}
        for model in self._said.models:
            for name in model.ids if model.kind == kind else ():
                found.setdefault(name.removesuffix("*"), []).append(model)

        return found

    def spec_for(self, model: str, kind: Kind, request: Request) -> ModelSpec:
        """Return what a model takes in the form that a request means."""
        forms = self._forms(kind)
        matched = longest_prefix(model, forms)
        if matched is None:
            mappers = mappers_of(self._said, kind, None)
            return ModelSpec(self._said.name, model, kind, mappers, generic=True)

        seen = _placed(request, self.merged[kind][matched])
        form = self._form(forms[matched], seen)
        takes = takes_of(self._said, form)
        return ModelSpec(
            self._said.name,
            model,
            kind,
            {name: mapper_of(self._said, name, take) for name, take in takes.items()},
            self._siblings(matched, kind),
            source="package",
            endpoint=form.path,
            facts={"places": {name: take.at for name, take in takes.items() if take.at}},
            joints=tuple(Joint(one.when, one.values, one.then, one.to) for one in form.limits),
            rules=(
                *(Apart(these, those) for these, those in form.apart),
                *(Beside(these, those) for these, those in form.beside),
            ),
        )

    def _form(self, forms: Sequence[Model], request: Any) -> Model:
        """Return the form that a request means: one that has a place for all of its media."""
        fitting = [
            one
            for one in forms
            if all(has(request, name) for name in one.has)
            and not any(has(request, name) for name in one.lacks)
        ]
        given = {image.get("type", "reference") for image in request.image_list}
        given |= {name for name in MEDIA[1:] if getattr(request, name, None) is not None}
        # A form that doesn't fit says what is missing, where it is the only one with a place.
        placing = (one for one in (*fitting, *forms) if given <= self._places(one))
        return next(placing, (fitting or forms)[0])

    def _places(self, form: Model) -> set[str]:
        media = [one for one in takes_of(self._said, form).values() if one.source in MEDIA]
        return {place for one in media for place in one.roles or (one.source,)}

    def _siblings(self, model: str, kind: Kind) -> dict[str, str]:
        """Return other models by what they take, or by `text` where they need no media."""
        found: dict[str, str] = {}
        prefixes = {one[:-1] for each in self._said.models for one in each.ids if one[-1] == "*"}
        for name, mappers in self.merged[kind].items():
            for need in _needs(mappers.values()) if name not in prefixes | {model} else ():
                found.setdefault(need, name)

        return found


def _needs(mappers: Iterable[FieldMapper]) -> Iterator[str]:
    needs_media = False
    for one in mappers:
        if one.source_field in MEDIA:
            yield from one.roles or (one.source_field,)
            needs_media = needs_media or one.required

    if not needs_media:
        yield "text"


def _placed(request: Any, mappers: Mappers) -> Any:
    """Return a request whose one image has the one role that it can have here."""
    images = request.image_list
    mine = [one for one in mappers.values() if one.source_field == "image_list"]
    takes_any = any(not one.roles or "reference" in one.roles for one in mine)
    if len(images) != 1 or images[0].get("type", "reference") != "reference" or takes_any:
        return request

    starts = [one for one in mine if one.roles[:1] == ("first_frame",)]
    placed = ({**images[0], "type": "first_frame"},)
    return request.model_copy(update={"image_list": placed}) if starts else request


def _merged(forms: Sequence[Mappers]) -> Mappers:
    """Return all that forms of one model take; required is what each of them requires."""
    found: dict[str, FieldMapper] = {}
    for name in dict.fromkeys(name for form in forms for name in form):
        ones = [form[name] for form in forms if name in form]
        limits = [one.most for one in ones]
        found[name] = FieldMapper(
            ones[0].source_field,
            ones[0].converter,
            len(ones) == len(forms) and all(one.required for one in ones),
            allowed=_together([one.allowed for one in ones]),
            roles=tuple(dict.fromkeys(role for one in ones for role in one.roles)),
            most=None if None in limits else max(one or 0 for one in limits),
        )

    return found


def _together(allowed: Sequence[Any]) -> Any:
    """Return what one or another allows; a span wins over what is listed."""
    if any(one is None for one in allowed):
        return None

    spans = [one for one in allowed if isinstance(one, Span)]
    if spans:
        return spans[0]

    return tuple(dict.fromkeys(value for one in allowed for value in one))
