"""Which ids may have been meant by one that nobody knows."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from . import _schema_store
from ._lifecycle import retired
from ._modules import NEAR_IDS, named
from ._records import words_of
from ._sources import is_described, module_of

if TYPE_CHECKING:
    from .._data._exchange import Request
    from ._spec import ModelSpec

CANDIDATES = 4 * NEAR_IDS
"""So many are looked at: some may be gone."""
WORDS = re.compile(r"[A-Za-z0-9]+")
NUMBERS = re.compile(r"[0-9]+")
MISTYPED = 0.8
"""How similar an id must be to a known one, at least, to be looked at letter by letter."""
MOST_APART = 2
"""By how many letters it may differ then."""
SPELLED = 4
"""So many letters has a word that can be misspelled; `t2v` and `i2v` are names."""
SHORT = 8
"""Shorter ids may differ by one letter only."""


def near_ids(
    provider: str, model: str, *, alike: float = 0.3, also_gone: bool = False
) -> list[str]:
    """Return the ids that hold this one, then those that are written most similarly.

    Models that are gone are not advised.

    Args:
        provider: The provider's name.
        model: The id as it was written.
        alike: How similar at least; 1 for the same.
        also_gone: Whether to return models that are gone, too.
    """
    if not is_described(provider):
        return []

    known = [*_schema_store.ids(provider), *named(provider)]
    # Without the owner, as `veo3.1` for `fal-ai/veo3.1`.
    within = sorted(
        (known_id for known_id in known if f"/{known_id}/".find(f"/{model}/") > 0), key=len
    )
    close = difflib.get_close_matches(model, known, n=CANDIDATES, cutoff=alike)
    candidates = dict.fromkeys([*within[:1], *close, *within[1:CANDIDATES]])
    there = (
        candidate for candidate in candidates if also_gone or retired(provider, candidate) is None
    )
    return list(islice(there, NEAR_IDS))


def mistyped_for(provider: str, model: str) -> list[str]:
    """Return the ids that a model's id is almost certainly meant for; none where it may be another.

    A new release has other numbers, and a new variant a word that other ids have too, or one that
    is spelled like none of them: such ids are nobody's mistake.

    Args:
        provider: The provider's name.
        model: The id as it was written.
    """
    if not is_described(provider) or getattr(module_of(provider), "FREE_IDS", False):
        return []

    known = {*_schema_store.ids(provider), *named(provider)}
    if not known or model in known:
        return []

    words = {word for known_id in known for word in WORDS.findall(known_id)}
    new = [word for word in WORDS.findall(model) if word not in words]
    is_misspelled = bool(new) and all(len(word) >= SPELLED and word.isalpha() for word in new)
    numbers = NUMBERS.findall(model)
    plain, most = _plain(model), MOST_APART if len(model) >= SHORT else 1
    close = difflib.get_close_matches(model, known if is_misspelled else (), CANDIDATES, MISTYPED)
    alike = [candidate for candidate in known if _plain(candidate) == plain]
    meant = [
        candidate
        for candidate in close
        if NUMBERS.findall(candidate) == numbers and _apart(model, candidate) <= most
    ]
    return list(dict.fromkeys([*sorted(alike), *meant]))[:NEAR_IDS]


def _plain(model: str) -> str:
    """Return an id as it sounds: without its case and what stands between its parts."""
    return "".join(WORDS.findall(model)).casefold()


def _apart(one: str, other: str) -> int:
    """Return by how many letters two ids differ: left out, put in, exchanged or in another order.

    Counts on to `MOST_APART` only.
    """
    if abs(len(one) - len(other)) > MOST_APART:
        return MOST_APART + 1

    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        now = [row]
        for column, its in enumerate(other, 1):
            cost = min(last[column] + 1, now[-1] + 1, last[column - 1] + (letter != its))
            turned = row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == its
            now.append(min(cost, before[column - 2] + 1) if turned else cost)

        before, last = last, now

    return last[-1]


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
