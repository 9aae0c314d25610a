"""Which ids may have been meant by one that nobody knows."""

from __future__ import annotations

import difflib
import re
from itertools import islice

from . import _schema_store
from ._lifecycle import retired
from ._modules import NEAR_IDS, named
from ._sources import is_described, module_of

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
    within = sorted((one for one in known if f"/{one}/".find(f"/{model}/") > 0), key=len)
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

    words = {word for one in known for word in WORDS.findall(one)}
    new = [word for word in WORDS.findall(model) if word not in words]
    is_misspelled = bool(new) and all(len(one) >= SPELLED and one.isalpha() for one in new)
    numbers = NUMBERS.findall(model)
    plain, most = _plain(model), MOST_APART if len(model) >= SHORT else 1
    close = difflib.get_close_matches(model, known if is_misspelled else (), CANDIDATES, MISTYPED)
    alike = [one for one in known if _plain(one) == plain]
    meant = [one for one in close if NUMBERS.findall(one) == numbers and _apart(model, one) <= most]
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
