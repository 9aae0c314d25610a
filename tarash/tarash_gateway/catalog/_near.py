"""Which ids may have been meant by one that nobody knows."""

from __future__ import annotations

import difflib
from itertools import islice

from . import _schema_store
from ._lifecycle import retired
from ._modules import NEAR_IDS, named
from ._sources import is_described

CANDIDATES = 4 * NEAR_IDS
"""So many are looked at: some may be gone."""


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
    found = dict.fromkeys([*within[:1], *close, *within[1:CANDIDATES]])
    there = (one for one in found if also_gone or retired(provider, one) is None)
    return list(islice(there, NEAR_IDS))
