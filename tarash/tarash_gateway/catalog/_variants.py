"""Finds the relative of a model that takes what the model itself can't; reads the catalogue."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from ._records import words_of

if TYPE_CHECKING:
    from .._data._exchange import Request
    from ._spec import ModelSpec

# Words that say what goes in and out, not which model it is.
TASK = frozenset(
    {"text", "image", "images", "video", "to", "t2v", "i2v", "v2v", "t2i", "i2i", "flf2v", "edit"}
    | {"reference", "first", "last", "frame", "extend", "inpaint", "inpainting", "inpainted"}
    | {"transition", "r2v", "remix", "img2vid", "multi", "elements", "start", "end", "keyframe"}
    | {"vid", "img", "txt", "generate", "fill", "modify", "reframe", "edits"}
)
CLOSE_ENOUGH = 0.5
TRIED = 40


def same_family(model: str, known: Iterable[str], *, alike: float = CLOSE_ENOUGH) -> list[str]:
    """Return the models of the same family, the most similar first.

    Args:
        model: The model's id.
        known: All ids.
        alike: How similar at least; 1 for the same model with other inputs.
    """
    mine = _stem(model)
    if not mine:
        return []

    ranked = []
    for other in known:
        theirs = _stem(other)
        if other == model or not theirs or mine[0] != theirs[0]:
            continue

        share = len(set(mine) & set(theirs)) / len(set(mine) | set(theirs))
        if share >= alike:
            same_task = len(_task(model) & _task(other))
            other_version = _digits(mine) != _digits(theirs)
            ranked.append(
                (other_version, -share, len(other.split("/")), -same_task, len(other), other)
            )

    return [other for *_, other in sorted(ranked)][:TRIED]


@lru_cache(maxsize=4096)
def _stem(model: str) -> tuple[str, ...]:
    """Return the words that say which model it is; a refusal asks for those of all models."""
    _owner, *words = words_of(model)
    stem = [word for word in words if word not in TASK]
    return tuple(word for piece in stem for word in re.findall(r"[a-z]+|\d+", piece.lower()))


def _digits(stem: tuple[str, ...]) -> list[str]:
    return [word for word in stem if word.isdigit()]


def _task(model: str) -> set[str]:
    return set(words_of(model)) & TASK


def variant_of(  # noqa: PLR0913  (it knows neither catalogue nor mapping)
    model: str,
    known: Iterable[str],
    spec_of: Callable[[str], ModelSpec],
    takes: Callable[[Request, ModelSpec], bool],
    request: Request,
    *,
    same: bool = False,
) -> str | None:
    """Return the nearest relative that takes a request's images, video and mask.

    Args:
        model: The model that can't.
        known: All ids.
        spec_of: Describes a relative.
        takes: Tells whether a model takes the media of a request.
        request: What was asked for.
        same: Whether it must be the same model with other inputs.
    """
    for other in same_family(model, known, alike=1 if same else CLOSE_ENOUGH):
        spec = spec_of(other)
        if (not spec.outputs or spec.kind in spec.outputs) and takes(request, spec):
            return other

    return None
