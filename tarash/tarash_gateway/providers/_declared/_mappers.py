"""Makes field mappers of what a declaration says that a model takes. Pure."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..._support._mime import type_by_name
from ...exceptions import ValidationError
from ...mapping import (
    FieldMapper,
    Geometry,
    Lines,
    Preset,
    Ratios,
    Side,
    Sizes,
    Span,
    Target,
    derive,
    lines_of,
    pixels_of,
    ratio_of,
    side_of,
)
from ...media import from_data_uri, to_wire
from ...media._forms import DATA_URI
from ._model import ProviderDeclaration
from ._names import hook, put
from ._takes import Model, Take

MEDIA = ("video", "mask_image")
WHOLE = frozenset({"duration_seconds", "seed", "n", "number_of_videos"})
"""Fields whose ranges are of whole numbers, where no step is given."""
INLINE = re.compile(rf"{DATA_URI.pattern}|<(?P<planned>[\w.+-]+/[\w.+-]+), \d+ bytes>\Z")
"""Bytes as a data URI, or what stands for them in a plan."""
ADDRESSES = ("http://", "https://")
SIDES = ("width", "height")
APART = ("object", *SIDES)


def mappers_of(
    declaration: ProviderDeclaration, kind: str, model: Model | None, *, refusing: bool = False
) -> dict[str, FieldMapper]:
    """Return the mappers of a model; of the first of its kind for ids that nobody knows.

    Args:
        declaration: The declaration.
        kind: What is made.
        model: A form of the model.
        refusing: Whether those are among them that refuse what a request has.
    """
    if model is None:
        model = next((model for model in declaration.models if model.kind == kind), None)

    if model is None:
        return {}

    schema = declaration.schema_of(model)
    derived = {} if schema is None else derive(schema, model.kind, model.ids[0], None)
    return {
        **derived,
        **{
            name: mapper_of(declaration, value, kind, name)
            for name, value in model.takes.items()
            if refusing or value.refused is None
        },
    }


def mapper_of(
    declaration: ProviderDeclaration, take: Take, kind: str = "video", name: str = ""
) -> FieldMapper:
    """Return the mapper of one parameter."""
    geometry = None if take.refused is not None else _geometry(take, kind)
    if geometry is not None:
        return _shaped(take, geometry, kind)

    converter = (
        _images(declaration, take) if take.source == "image_list" else _value(declaration, take)
    )
    if take.source == "extra_params":
        converter = _own(take, name)
    elif take.source == "partial_images":
        converter = _of_one(converter)

    if take.refused is not None:
        converter = _refusing(take, take.refused)

    return FieldMapper(
        take.source,
        converter if take.convert is None else hook(take.convert),
        take.required,
        allowed=_allowed(take),
        roles=take.roles,
        most=take.most,
    )


def _allowed(take: Take) -> Any:
    if take.allowed is not None or (take.low is None and take.high is None):
        return take.allowed

    whole = 1 if take.form == "int" or take.source in WHOLE else None
    return Span(take.low, take.high, take.step or whole)


# ------------------------------------------------------------------------------------------- shape
def _geometry(take: Take, kind: str) -> Geometry | None:
    """Return how a picture's shape is sent; None where plain values will do."""
    if take.words or take.convert is not None:
        return None

    values = take.allowed or ()
    if take.source == "size":
        return _sizes(take, kind)

    if take.source == "aspect_ratio" and values:
        ratios = {ratio: value for value in values if (ratio := ratio_of(value)) is not None}
        return Ratios(ratios)

    if take.source == "resolution" and values:
        lines = {count: value for value in values if (count := lines_of(value)) is not None}
        return Lines(lines) if len(lines) == len(values) else None

    return None


def _sizes(take: Take, kind: str) -> Geometry | None:
    apart = take.form in APART
    presets = [
        Preset(
            dict(zip(SIDES, size, strict=True)) if apart else value,
            size[0] / size[1],
            size[0] * size[1],
        )
        for value in take.allowed or ()
        if (size := pixels_of(value)) is not None
    ]
    if not presets and not take.free and not apart:
        sides = {
            side: value for value in take.allowed or () if (side := side_of(value)) is not None
        }
        return Lines(sides, by_side=True) if sides and kind == "image" else None

    written = str(take.allowed[0] if presets and take.allowed else take.default or "")
    mark = next((sign for sign in written if not sign.isdigit()), "x")
    sizes = Sizes(
        tuple(presets),
        None if presets and not take.free else "object" if apart else "text",
        separator=mark,
        low=(take.low or 1,) * 2,
        high=(take.high or float("inf"),) * 2,
        step=int(take.step or 1),
        area=take.area or (1, float("inf")),
        usual=_usual(presets, take.default),
        keeps_area=take.default is not None,
    )
    return Side(sizes, take.form) if take.form in SIDES else sizes


def _usual(presets: Sequence[Preset], default: Any) -> Preset | None:
    """Return the size that is made where nothing is said: a listed one, or the square of a tier."""
    side = None if default is None else side_of(default)
    size = pixels_of(default)
    pixels = None if size is None else (size[0] / size[1], size[0] * size[1])
    named = next((preset for preset in presets if (preset.ratio, preset.area) == pixels), None)
    return named or (None if side is None else Preset(default, 1, side * side))


def _shaped(take: Take, geometry: Geometry, kind: str) -> FieldMapper:
    def convert(request: Any, value: Any) -> Any:
        listed = isinstance(value, str) and value in (take.allowed or ())
        plain = listed and take.form not in APART
        chosen = value if plain else geometry.choose(request, Target.of(request))
        chosen = _default_of(take) if chosen is None else chosen
        return None if chosen is None or take.form == "unsent" else _part(take, chosen, None)

    first, *others = _fields(take, geometry, kind)
    required = take.required and take.default is None
    return FieldMapper(first, convert, required, also=tuple(others), geometry=geometry)


def _default_of(take: Take) -> Any:
    """Return the default; of a size whose sides are sent apart, these."""
    size = pixels_of(take.default) if take.form in APART else None
    if size is None:
        return take.default

    sides = dict(zip(SIDES, size, strict=True))
    return sides if take.form == "object" else sides[take.form]


def _fields(take: Take, geometry: Geometry, kind: str) -> tuple[str, ...]:
    if isinstance(geometry, Ratios):
        return ("aspect_ratio", "size") if kind == "image" else ("aspect_ratio",)

    if isinstance(geometry, Lines):
        return (take.source,)

    return ("size", "aspect_ratio") if kind == "image" else ("resolution", "aspect_ratio")


# ------------------------------------------------------------------------------------ media, values
def _images(declaration: ProviderDeclaration, take: Take) -> Any:
    def convert(_request: Any, value: Any) -> Any:
        mine = [image for image in value or () if _is_mine(image, take)]
        images = [
            _medium(
                take, _placed(take, image["image"], declaration), declaration, image.get("type")
            )
            for image in mine
        ]
        return (images if _is_list(take) else next(iter(images), None)) or None

    return convert


def _refusing(take: Take, reason: str) -> Any:
    def convert(_request: Any, value: Any) -> None:
        images = take.source == "image_list"
        given = any(_is_mine(image, take) for image in value or ()) if images else value is not None
        if given and value is not False:
            raise ValidationError(reason, field=take.source)

    return convert


def _own(take: Take, name: str) -> Any:
    def convert(_request: Any, given: Any) -> Any:
        # What is given goes out as it is, with all other parameters of the provider's own.
        return None if name in given else take.default

    return convert


def _value(declaration: ProviderDeclaration, take: Take) -> Any:
    def convert(_request: Any, value: Any) -> Any:
        if value is None:
            value = take.default
        elif take.form == "unsent":
            return None
        elif take.source == "continue_from":
            value = _continued(take, value, declaration)
        elif take.source in MEDIA:
            value = _placed(take, value, declaration)
        else:
            value = _formed(take, value)

        if value is not None and take.source in MEDIA:
            return _medium(take, value, declaration, None)

        return None if value is None else _part(take, value, None)

    return convert


def _of_one(convert: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return what asks for images on the way of one: no event says of which of several."""
    return lambda request, value: convert(request, value) if request.n == 1 else None


def _continued(take: Take, source: Any, declaration: ProviderDeclaration) -> str:
    """Return the id by which a provider knows an earlier result."""
    if take.fact == "url" and source.url is None:
        raise ValidationError(
            f"{declaration.title} goes on from a result by its address, and this one has none; "
            "wait for the job first, or give the video as video=",
            field="continue_from",
        )

    known = {**source.ids, "url": source.url}
    earlier_id: str | None = source.id if take.fact is None else known.get(take.fact)
    if earlier_id is None:
        raise ValidationError(
            f"{declaration.title} goes on from a result by its {take.fact}, which only the "
            "finished result says: give the response, and not the job",
            field="continue_from",
        )

    return earlier_id


def _is_mine(image: Mapping[str, Any], take: Take) -> bool:
    return not take.roles or image.get("type", "reference") in take.roles


def _is_list(take: Take) -> bool:
    return take.most != 1 or (take.at or "").endswith("[]")


def _placed(take: Take, media: Any, declaration: ProviderDeclaration) -> Any:
    """Return a medium as it is sent; refuse bytes where only an address is taken."""
    sent = _sent(media, declaration)
    known = (*ADDRESSES, *declaration.media.references)
    if take.form == "url" and not (isinstance(sent, str) and sent.lower().startswith(known)):
        what = "an image" if take.source == "image_list" else f"a {take.source}"
        raise ValidationError(
            f"{declaration.title} takes no bytes here, but {what} by its public URL only; put it "
            "where the provider can fetch it, and give its public URL",
            field=take.source,
        )

    is_number = take.form == "int" and isinstance(sent, str) and sent.isdecimal()
    return int(sent) if is_number else sent


def _sent(media: Any, declaration: ProviderDeclaration) -> Any:
    """Return a medium in the form in which the provider takes it."""
    if declaration.media.inline == "part" and not isinstance(media, str):
        return media

    text = to_wire(media, declaration.title)
    if type(text) is not str or text[:5].lower() != "data:":
        return text

    if declaration.media.inline == "part":
        return from_data_uri(text, "a medium") or text

    return text.partition(",")[2] if declaration.media.inline == "base64" else text


def _formed(take: Take, value: Any) -> Any:
    if take.longest is not None and isinstance(value, str) and len(value) > take.longest:
        raise ValidationError(
            f"the {take.source} has {len(value)} characters, and this model takes at most "
            f"{take.longest}; shorten it",
            field=take.source,
        )

    key = str(value).lower() if isinstance(value, bool) else str(value)
    if key in take.words:
        return take.words[key]

    if take.form == "int":
        return int(value) if float(value).is_integer() else value

    if take.form == "yes_no":
        return "yes" if value else "no"

    if take.form == "flag":
        return bool(value) or None

    if take.form in ("text", "seconds_text"):
        plain = int(value) if isinstance(value, float) and value.is_integer() else value
        return f"{plain}s" if take.form == "seconds_text" else str(plain)

    return value


def _medium(take: Take, value: Any, declaration: ProviderDeclaration, role: str | None) -> Any:
    """Return a medium as the parameter has it: bytes and references may have their own places."""
    part: dict[str, Any] = {}
    prefix = next(
        (reference for reference in declaration.references if str(value).startswith(reference)),
        None,
    )
    if take.reference_at is not None and prefix is not None and isinstance(value, str):
        put(part, take.reference_at, value.removeprefix(prefix))
        return part

    inline = INLINE.match(value) if take.inline_at and isinstance(value, str) else None
    if take.inline_at is None or inline is None:
        whole_part = _part(take, value, role)
        if take.url_type is not None and take.type_at is not None and isinstance(value, str):
            put(whole_part, take.type_at, _type_of(value, take.url_type))

        return whole_part

    put(part, take.inline_at, value[inline.end() :] or value)
    if take.type_at is not None:
        put(part, take.type_at, inline["type"] or inline["planned"])

    return part


def _type_of(url: str, usual: str) -> str:
    """Return the type that an address's name says, where it is of the usual one's kind."""
    kind = type_by_name(url) or ""
    return kind if kind.partition("/")[0] == usual.partition("/")[0] else usual


def _part(take: Take, value: Any, role: str | None) -> Any:
    if not take.part and take.value_at is None:
        return value

    part = copy.deepcopy(take.part)
    put(part, take.value_at or "value", value)
    if take.role_at is not None:
        put(part, take.role_at, take.words.get(role or "reference", role or "reference"))

    return part
