"""Checks what would be sent against the schema of the model's input, before anything is sent. Pure.

Reads the subset of JSON Schema that reduced schemas are made of.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

from .._data._hints import give_parameter
from .._data._sendable import uncarried
from .._support._resolutions import lines_of
from ..exceptions import ValidationError
from ..models import Adjustment
from ._limits import ratio_of

if TYPE_CHECKING:
    from ..catalog import ModelSpec
    from ..models import ImageGenerationRequest, VideoGenerationRequest

    Request: TypeAlias = VideoGenerationRequest | ImageGenerationRequest

Problem = tuple[str, str]
"""Where, and what is wrong there."""

MULTIPLE_TOLERANCE = 1e-9


def check_payload(
    payload: Mapping[str, Any],
    schema: Mapping[str, Any] | None,
    model: str,
    untouched: Collection[str] = (),
) -> None:
    """Check a payload; the user's own parameters are left alone.

    Args:
        payload: The parameters by name.
        schema: The reduced schema of the model's input; None where none is known.
        model: Named in errors.
        untouched: The names of parameters that the user gave as they are.

    Raises:
        ValidationError: The message names the parameter, what it takes, and the nearest value.
    """
    if schema is None:
        return

    properties = schema.get("properties") or {}
    for name, value in payload.items():
        if name in untouched:
            continue

        problem = next(_problems(name, value, properties.get(name)), None)
        if problem is not None:
            where, what = problem
            raise ValidationError(f"{model} would refuse {where!r}: {what}")

    missing = [name for name in schema.get("required") or () if name not in payload]
    if missing:
        names = ", ".join(map(repr, missing))
        raise ValidationError(
            f"{model} needs {names}", code="missing_parameter", hints=[give_parameter()]
        )


def check_sendable(body: Mapping[str, Any], untouched: Collection[str]) -> None:
    """Check that the user's own parameters can be sent, wherever the protocol has them.

    Args:
        body: What would be sent.
        untouched: The names of parameters that the user gave as they are.

    Raises:
        ValidationError: One holds what no JSON and no form can carry; the message names it.
    """
    for name, value in body.items():
        if name not in untouched:
            if isinstance(value, Mapping):
                check_sendable(value, untouched)
            continue

        unsendable = uncarried(name, value)
        if unsendable is not None:
            raise ValidationError(
                f"{unsendable}, which can't be sent: give text, a number, a truth value, or a list "
                "or object of those; for a file {'content': bytes, 'content_type': its type}",
                submission="not_sent",
                code="not_sendable",
            )


def problem_of(name: str, value: Any, schema: Mapping[str, Any]) -> str | None:
    """Return why a parameter's schema would not take a value; None where it would."""
    return next((what for _, what in _problems(name, value, schema)), None)


def _problems(where: str, value: Any, schema: Mapping[str, Any] | None) -> Iterator[Problem]:
    if schema is None:
        yield where, "it has no such parameter"
        return

    branches = schema.get("anyOf")
    if branches:
        problems_of_branches = [list(_problems(where, value, branch)) for branch in branches]
        if all(problems_of_branches):
            yield min(
                problems_of_branches, key=lambda problems: "must be of type" in problems[0][1]
            )[0]

        return

    kind = schema.get("type")
    if kind is not None and not KINDS.get(kind, _anything)(value):
        yield where, f"{value!r} must be of type {kind}"
        return

    values = schema.get("enum")
    if values and not any(_same(value, known) for known in values):
        near = _nearest(value, values)
        hint = f"; the nearest is {near!r}" if near is not None else ""
        yield where, f"{value!r} is not possible; allowed: {values}{hint}"
        return

    yield from _within_limits(where, value, schema)
    yield from _inside(where, value, schema)


def _within_limits(where: str, value: Any, schema: Mapping[str, Any]) -> Iterator[Problem]:
    if isinstance(value, str):
        yield from _text_problems(where, value, schema)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number_problems(where, value, schema)
    elif isinstance(value, list):
        least, most = schema.get("minItems"), schema.get("maxItems")
        if least is not None and len(value) < least:
            yield where, f"it holds {len(value)} items, and must hold at least {least}"
        if most is not None and len(value) > most:
            yield where, f"it holds {len(value)} items, and may hold at most {most}"


def _text_problems(where: str, text: str, schema: Mapping[str, Any]) -> Iterator[Problem]:
    shortest, longest = schema.get("minLength"), schema.get("maxLength")
    if shortest is not None and len(text) < shortest:
        yield where, f"it has {len(text)} characters, and must have at least {shortest}"
    if longest is not None and len(text) > longest:
        yield where, f"it has {len(text)} characters, and may have at most {longest}; shorten it"

    pattern = schema.get("pattern")
    if pattern is not None and not _matches(pattern, text):
        yield where, f"it must match {pattern!r}"


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:  # a dialect that we don't read
        return True


def _number_problems(where: str, number: float, schema: Mapping[str, Any]) -> Iterator[Problem]:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if isinstance(above, bool):
        low, above = (None, low) if above else (low, None)
    if isinstance(below, bool):
        high, below = (None, high) if below else (high, None)

    if low is not None and number < low:
        yield where, f"{number} is too small; the nearest is {low}"
    if high is not None and number > high:
        yield where, f"{number} is too large; the nearest is {high}"
    if above is not None and number <= above:
        yield where, f"{number} is too small; it must be more than {above}"
    if below is not None and number >= below:
        yield where, f"{number} is too large; it must be less than {below}"

    step = schema.get("multipleOf")
    if step and not _is_multiple(number, step):
        yield where, f"{number} must be a multiple of {step}"


def _is_multiple(number: float, step: float) -> bool:
    if isinstance(number, int):  # exactly: as a float it might be another number, or none
        return Fraction(number) % Fraction(str(step)) == 0

    return abs(number / step - round(number / step)) <= MULTIPLE_TOLERANCE


def _inside(where: str, value: Any, schema: Mapping[str, Any]) -> Iterator[Problem]:
    if isinstance(value, list) and schema.get("items"):
        for place, item in enumerate(value):
            yield from _problems(f"{where}[{place}]", item, schema["items"])

    if isinstance(value, Mapping):
        for name in schema.get("required") or ():
            if name not in value:
                yield f"{where}.{name}", "it is required"

        properties = schema.get("properties")
        for name, item in value.items() if properties is not None else ():
            yield from _problems(f"{where}.{name}", item, (properties or {}).get(name))


def _nearest(value: Any, values: list[Any]) -> Any:
    for measure in (ratio_of, lines_of):
        requested = measure(value)
        measured = [(size, value) for value in values if (size := measure(value)) is not None]
        if requested is not None and measured:
            return min(measured, key=lambda pair: abs(pair[0] - requested))[1]

    by_text = {str(value): value for value in values}
    near = difflib.get_close_matches(str(value), by_text, n=1, cutoff=0.0)
    return by_text[near[0]] if near else None


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _anything(_value: Any) -> bool:
    return True


KINDS: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool))
        or (isinstance(value, float) and value.is_integer())
    ),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "array": lambda value: isinstance(value, list | tuple),
    "object": lambda value: isinstance(value, Mapping),
}


NEAR = 0.9
"""How alike two names are of which one is a mistake in the other, from 0 to 1."""


def guess_warnings(spec: ModelSpec) -> list[Adjustment]:
    """Say that nobody here knows the model: a mistyped id may seem a new one."""
    if spec.guess_warning is None:
        return []

    return [
        Adjustment(field="model", requested=spec.model, sent=spec.model, reason=spec.guess_warning)
    ]


def remarks(request: Request, spec: ModelSpec) -> list[Adjustment]:
    """Say that a model reads no prompt, and which of the provider's own parameters seem wrong."""
    adjustments = []
    is_known = spec.schema is not None or (spec.mappers and not spec.generic)
    if is_known and not any("prompt" in mapper.sources for mapper in spec.mappers.values()):
        reason = f"{spec.model} has no such parameter"
        adjustments.append(
            Adjustment(field="prompt", requested=request.prompt, sent=None, reason=reason)
        )

    if spec.schema is None:
        return [*adjustments, *_mistyped(request, spec)]

    if spec.schema_warning is None:
        properties: Mapping[str, Any] = spec.schema.get("properties") or {}
        for name, value in request.extra_params.items():
            remark = _unknown(name, properties, spec) or _unfit(name, value, properties, spec)
            adjustments.extend([remark] if remark is not None else [])

    return adjustments


def _mistyped(request: Request, spec: ModelSpec) -> list[Adjustment]:
    """Say which of the provider's own parameters seem mistyped, where no schema names them all.

    One that is longer or shorter by a word, a number or a plural is rather another parameter.
    """
    import difflib

    adjustments = []
    known = [name for name in spec.mappers if name not in request.extra_params]
    for name in request.extra_params:
        if name in spec.mappers:
            continue

        near = next(iter(difflib.get_close_matches(name, known, n=1, cutoff=NEAR)), None)
        if near is not None and not _is_another(*sorted((name, near), key=len)):
            reason = (
                f"nobody here knows a parameter {name!r} of {spec.model}; did you mean {near!r}?"
            )
            adjustments.append(
                Adjustment(field=f"extra_params.{name}", requested=name, sent=name, reason=reason)
            )

    return adjustments


def _is_another(shorter: str, longer: str) -> bool:
    rest = longer.removeprefix(shorter)
    return rest != longer and (rest == "s" or not rest[:1].isalpha())


def _unknown(name: str, properties: Mapping[str, Any], spec: ModelSpec) -> Adjustment | None:
    if name in properties:
        return None

    near = _close(name, list(properties))
    hint = f"did you mean {near!r}?" if near else f"it has {', '.join(properties)}"
    reason = f"{spec.model} has no parameter {name!r}; {hint}"
    return Adjustment(field=f"extra_params.{name}", requested=name, sent=name, reason=reason)


def _unfit(
    name: str, value: Any, properties: Mapping[str, Any], spec: ModelSpec
) -> Adjustment | None:
    # Media come in forms of ours, and become what the schema says later on.
    if not isinstance(value, str | int | float):
        return None

    problem = problem_of(name, value, properties[name])
    if problem is None:
        return None

    reason = f"{spec.model} may refuse it: {problem}"
    return Adjustment(field=f"extra_params.{name}", requested=value, sent=value, reason=reason)


def _close(name: str, known: Sequence[str]) -> str | None:
    import difflib

    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.5)), None)
