"""Derives a model's field mappers from the JSON Schema of its input: by form and by names.

Knows no endpoint by name. What nothing in a request can fill is left to `extra_params`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .._data._types import Kind
from ._field_mapper import FieldMapper
from ._frame_size import derive_frame
from ._limits import Span, nearest
from ._schema import Shape, read_shapes
from ._seconds import derive_duration
from ._slots import derive_images, derive_mask, derive_video

PROMPTS = (
    "prompt", "text_prompt", "input_prompt", "positive_prompt", "edit_prompt", "user_prompt",
    "instruction", "instructions", "edit_instruction", "text_input", "input_text", "text",
    "description", "caption",
)  # fmt: skip
NOT_THE_PROMPT = frozenset(
    {"negative", "system", "additional", "multi", "structured", "audio", "style", "mask", "weight"}
    | {"sound", "background", "image", "video", "voice", "magic", "enhance", "expand", "neg"}
)
NEGATIVE = frozenset({"negative", "neg", "exclude", "avoid", "undesired"})
NEGATIVE_AROUND = frozenset({"prompt", "prompts", "text", "content"})
SEED_AROUND = frozenset({"random", "noise", "rng", "generation", "value", "global", "initial"})
SOUND = frozenset({"audio", "sound", "audios", "sounds"})
MAKES = frozenset(
    {"generate", "generated", "enable", "enabled", "with", "include", "add", "switch"}
)
MAKES |= {"use", "has", "output", "native", "video", "generation", "make", "create", "is"}
MAKES |= {"on", "effects"}
WITHOUT = frozenset({"mute", "muted", "silent", "no", "disable", "without", "remove", "skip"})
BETTER = frozenset(
    {
        "enhance",
        "enhanced",
        "enhancement",
        "enhancer",
        "enhancing",
        "expand",
        "expansion",
        "improve",
    }
    | {"optimizer", "optimize", "optimization", "optimise", "refine", "refiner", "refinement"}
    | {"rewrite", "rewriter", "rewriting", "upsample", "upsampling", "upsampler", "magic", "extend"}
    | {"extension", "improvement", "reprompt", "augment", "augmentation", "expander", "optimised"}
)
BETTER_AROUND = frozenset({"enable", "enabled", "use", "prompt", "auto", "should", "do", "prompts"})
RESULTS = ("samples", "outputs", "output", "results", "n", "variations", "generations")
COUNTED: Mapping[Kind, tuple[str, ...]] = {
    "image": ("images", "image", *RESULTS),
    "video": ("videos", "video", *RESULTS),
}
COUNTS = frozenset({"num", "number", "of", "count", "n", "generated", "output", "per", "prompt"})
YES = frozenset({"on", "true", "yes", "enabled", "enable", "1"})
NO = frozenset({"off", "false", "no", "disabled", "disable", "none", "0"})
QUALITIES = ("quality", "image_quality", "output_quality", "rendering_speed", "rendering_quality")
QUALITY_AROUND = frozenset({"quality", "render", "rendering", "mode", "level", "generation"})
STYLES = ("style", "style_preset", "style_name", "image_style", "style_type", "styles", "preset")
STYLE_AROUND = frozenset({"style", "styles", "art", "visual", "artistic", "image", "name", "type"})

Shapes = Mapping[str, Shape]


def derive(
    schema: Mapping[str, Any], kind: Kind, hint: str = "", frame_rate: float | None = None
) -> dict[str, FieldMapper]:
    """Return the field mappers of a model, in the order of its parameters.

    Args:
        schema: The JSON Schema of the model's input, without references.
        kind: What is asked of the model.
        hint: Its id and category, read where the names in the schema leave a role open.
        frame_rate: Frames a second, where the schema doesn't say.
    """
    shapes = read_shapes(schema)
    usable = {name: shape for name, shape in shapes.items() if not shape.deprecated}
    mappers: dict[str, FieldMapper] = {}
    steps: tuple[Callable[[Shapes], Mapping[str, FieldMapper]], ...] = (
        _prompt,
        _negative_prompt,
        lambda rest: derive_images(rest, kind, hint),
        (derive_mask if kind == "image" else derive_video),
        (
            lambda rest: (
                _quality_and_style(rest) if kind == "image" else derive_duration(rest, frame_rate)
            )
        ),
        lambda rest: derive_frame(rest, kind),
        (lambda _rest: {}) if kind == "image" else _video_flags,
        _seed,
        lambda rest: _count(rest, kind),
    )
    for step in steps:
        mappers |= step({name: value for name, value in usable.items() if name not in mappers})

    for name, shape in shapes.items():
        if name not in mappers and shape.required:
            mappers[name] = _left_to_the_user(shape)

    return {name: mappers[name] for name in shapes if name in mappers}


def _is_required(shape: Shape) -> bool:
    return shape.required and shape.default is None


def _left_to_the_user(shape: Shape) -> FieldMapper:
    """Return what a required parameter that no field fills becomes: its default, or a demand."""
    usual = shape.default
    if usual is None and shape.closed and len(shape.values) == 1:
        usual = shape.values[0]

    return FieldMapper(
        "extra_params",
        lambda _request, extra: (extra or {}).get(shape.name, usual),
        required=usual is None,
        allowed=shape.values if shape.closed else None,
    )


# -------------------------------------------------------------------------------------------- text
def _prompt(shapes: Shapes) -> dict[str, FieldMapper]:
    texts = [shape for shape in shapes.values() if shape.is_free_text and not shape.values]
    named = sorted(
        (shape for shape in texts if shape.name in PROMPTS),
        key=lambda shape: PROMPTS.index(shape.name),
    )
    alike = [
        shape
        for shape in texts
        if "prompt" in shape.words and not set(shape.words) & (NOT_THE_PROMPT | BETTER)
    ]
    for shape in (*named, *sorted(alike, key=lambda shape: not shape.required)):
        return {shape.name: _as_it_is("prompt", shape)}

    return {}


def _as_it_is(field: str, shape: Shape) -> FieldMapper:
    return FieldMapper(field, lambda _request, value: value, _is_required(shape))


def _negative_prompt(shapes: Shapes) -> dict[str, FieldMapper]:
    for shape in shapes.values():
        words = set(shape.words)
        if words & NEGATIVE and not words - NEGATIVE - NEGATIVE_AROUND and shape.is_free_text:
            return {shape.name: _as_it_is("negative_prompt", shape)}

    return {}


def _quality_and_style(shapes: Shapes) -> dict[str, FieldMapper]:
    mappers: dict[str, FieldMapper] = {}
    for field, names, around in (
        ("quality", QUALITIES, QUALITY_AROUND),
        ("style", STYLES, STYLE_AROUND),
    ):
        named = [shapes[name] for name in names if name in shapes]
        named += [
            shape
            for shape in shapes.values()
            if field in shape.words and shape.closed and not set(shape.words) - around
        ]
        words = (mapper for shape in named if (mapper := _word(field, shape)) is not None)
        mappers |= next(words, {})

    return mappers


def _word(field: str, shape: Shape) -> dict[str, FieldMapper] | None:
    if "array" in shape.kinds:
        inner = _word(field, shape.item) if shape.item is not None else None
        if inner is None:
            return None

        mapper = inner[shape.name]
        return {
            shape.name: FieldMapper(
                field,
                lambda request, value: (
                    None if (sent := mapper.converter(request, value)) is None else [sent]
                ),
                _is_required(shape),
                allowed=mapper.allowed,
            )
        }

    texts = tuple(value for value in shape.values if isinstance(value, str))
    if texts:
        allowed = texts if shape.closed else None
        return {shape.name: _listed(field, texts, _is_required(shape), allowed)}

    return {shape.name: _as_it_is(field, shape)} if shape.is_free_text else None


def _listed(
    field: str, values: tuple[Any, ...], required: bool, allowed: tuple[Any, ...] | None
) -> FieldMapper:
    def convert(_request: object, value: Any) -> Any:
        closest = None if value is None else nearest(field, value, values)
        return value if closest is None and allowed is None else closest

    return FieldMapper(field, convert, required, allowed=allowed)


# ------------------------------------------------------------------------------------------- flags
def _video_flags(shapes: Shapes) -> dict[str, FieldMapper]:
    return {
        **_flag("generate_audio", shapes.values(), _is_sound),
        **_flag("enhance_prompt", shapes.values(), _is_enhancement),
    }


def _flag(
    field: str, shapes: Iterable[Shape], meant: Callable[[Shape], bool | None]
) -> dict[str, FieldMapper]:
    """Return the mapper of the first parameter that is meant, false where it says the contrary."""
    for shape in shapes:
        positive = meant(shape)
        wires = _yes_and_no(shape) if positive is not None else None
        if wires is None:
            continue

        # `mute` says no where `audio` says yes.
        values = wires if positive else {True: wires[False], False: wires[True]}
        return {shape.name: FieldMapper(field, _picker(values), _is_required(shape))}

    return {}


def _picker(values: Mapping[bool, Any]) -> Callable[[Any, Any], Any]:
    return lambda _request, value: None if value is None else values[bool(value)]


def _yes_and_no(shape: Shape) -> dict[bool, Any] | None:
    if "boolean" in shape.kinds and not shape.values:
        return {True: True, False: False}

    wire: dict[bool, Any] = {}
    for value in shape.values:
        word = str(value).lower()
        if word in YES or word in NO:
            wire.setdefault(word in YES, value)

    return wire if len(wire) == 2 else None  # noqa: PLR2004


def _is_sound(shape: Shape) -> bool | None:
    words = set(shape.words)
    if words and not words - {"mute", "muted", "silent", "video"}:
        return False

    if not words & SOUND or words - SOUND - MAKES - WITHOUT:
        return None

    return not words & WITHOUT


def _is_enhancement(shape: Shape) -> bool | None:
    words = set(shape.words)
    about = words & BETTER and ("prompt" in words or "reprompt" in words)
    return True if about and not words - BETTER - BETTER_AROUND else None


# ----------------------------------------------------------------------------------------- numbers
def _seed(shapes: Shapes) -> dict[str, FieldMapper]:
    seeds = [
        shape
        for shape in shapes.values()
        if "seed" in shape.words and not set(shape.words) - {"seed"} - SEED_AROUND
    ]
    for shape in sorted(seeds, key=lambda shape: shape.name != "seed"):
        if shape.is_number:
            return {shape.name: _number("seed", shape)}

        if shape.is_free_text:
            return {
                shape.name: FieldMapper(
                    "seed", lambda _request, seed: None if seed is None else str(seed)
                )
            }

    return {}


def _number(field: str, shape: Shape) -> FieldMapper:
    numbers = tuple(sorted(value for value in shape.values if isinstance(value, int)))
    span = Span(shape.low, shape.high, shape.step)
    allowed = numbers if shape.closed else span
    open_ended = span == Span() and not shape.closed
    return FieldMapper(
        field,
        lambda _request, value: None if value is None else nearest(field, value, allowed),
        _is_required(shape),
        allowed=None if open_ended else allowed,
    )


def _count(shapes: Shapes, kind: Kind) -> dict[str, FieldMapper]:
    field = "n" if kind == "image" else "number_of_videos"
    counts = [shape for shape in shapes.values() if _is_count(shape, kind)]
    counts.sort(key=lambda shape: ("batch" in shape.words, "max" in shape.words))
    for shape in counts:
        wires = {int(value): value for value in shape.values if str(value).isdigit()}
        if shape.closed and not wires:
            continue

        allowed: Any = tuple(sorted(wires)) if shape.closed else _whole(shape)
        return {shape.name: _count_mapper(field, shape, allowed, wires)}

    return {}


def _whole(shape: Shape) -> Span:
    return Span(max(shape.low or 1, 1), shape.high, shape.step or 1)


def _count_mapper(field: str, shape: Shape, allowed: Any, wires: Mapping[int, Any]) -> FieldMapper:
    usual = shape.default

    def convert(request: Any, count: int | None) -> Any:
        # One is what a request says when it says nothing.
        if count is None or (
            count == 1 and field not in request.model_fields_set and usual in (1, None)
        ):
            return None

        number = nearest(field, count, allowed)
        return wires.get(number, number)

    return FieldMapper(field, convert, _is_required(shape), allowed=allowed)


def _is_count(shape: Shape, kind: Kind) -> bool:
    words = set(shape.words)
    if not (shape.is_number or shape.closed) or shape.is_flag:
        return False

    if shape.name in {"n", "batch_size"}:
        return shape.name == "n" or kind == "image"

    things = words & set(COUNTED[kind])
    counted = words & {"num", "number", "count", "n", "per"} or words in (
        {"max", "images"},
        {"max", "videos"},
    )
    return bool(things and counted) and not words - set(COUNTED[kind]) - COUNTS - {"max"}
