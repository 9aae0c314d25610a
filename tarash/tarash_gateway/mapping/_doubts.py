"""Says what seems a mistake and is sent all the same, `strict` or not. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ..models import Adjustment
from ._validate import problem_of

if TYPE_CHECKING:
    from ..catalog import ModelSpec
    from ..models import ImageGenerationRequest, VideoGenerationRequest

    Request: TypeAlias = VideoGenerationRequest | ImageGenerationRequest

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
