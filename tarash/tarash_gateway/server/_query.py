"""What stands behind the `?` of our own routes: names that are almost right are refused.

A filter that is dropped for a typo answers with more than was asked for, and passes for one.
OpenAI's routes take whatever stands there, as OpenAI's do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastapi import Request

from ._refusals import Refusal

if TYPE_CHECKING:
    from fastapi.dependencies.models import Dependant

OURS = "/api/"
NEAR = 0.75
"""How similar a name must be to one that there is to be taken for it."""
BY_NAME = {"status": "state"}
"""What other servers call a parameter of ours."""


async def check_query(request: Request) -> None:
    """Check the names in a query of one of our own routes.

    Raises:
        Refusal: One is probably mistyped.
    """
    if not request.query_params or not request.url.path.startswith(OURS):
        return

    known = set(_names(request.scope["route"].dependant))
    for name in request.query_params:
        if name in known:
            continue

        meant = BY_NAME.get(name)
        near = [meant] if meant in known else difflib.get_close_matches(name, known, 1, NEAR)
        if near:
            raise Refusal(
                400,
                "invalid_request",
                f"{name}: there is no such parameter; did you mean {near[0]!r}?",
                param=name,
            )


def _names(dependant: Dependant) -> Iterator[str]:
    """Yield the names that a route reads, by itself and by what it depends on."""
    for one in dependant.query_params:
        yield one.alias

    for other in dependant.dependencies:
        yield from _names(other)
