"""A model's id as its provider's API takes it, from the forms in which people have it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ._sendable import whole_text

LISTED_AS: Mapping[str, re.Pattern[str]] = {
    # Google's own lists, its SDK and Vertex AI's resource names say more than the id.
    "google": re.compile(
        r"/?(?:projects/[^/]+/locations/[^/]+/)?(?:publishers/google/)?models/(?=[^/]+$)"
    ),
}
"""What stands before an id in a provider's own lists."""


def bare_model_id(provider: str, model: str) -> str:
    """Return the id alone: without white space around it, and what stands before it in lists.

    Raises:
        ValueError: There is white space other than spaces in it, or half of a character.
    """
    bare = whole_text(model).strip()
    if not bare.replace(" ", "").isprintable():
        raise ValueError(
            f"{bare!a} has a line break, a tab or a control character in it; copy the model's id "
            "again"
        )

    listed = LISTED_AS.get(provider)
    return bare if listed is None else listed.sub("", bare, count=1)
