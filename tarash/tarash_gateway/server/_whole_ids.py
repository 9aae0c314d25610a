"""Says which other model can do something as clients name models: with its provider."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..exceptions import ValidationError

if TYPE_CHECKING:
    from .._data._exchange import Config

USE = re.compile(r"; use (?P<model>\S+)$")
"""How the library names a sibling: one of the same provider."""


@contextmanager
def saying_whole_ids(config: Config) -> Iterator[None]:
    """Put the provider before the model that an error names.

    Args:
        config: Whose chain is planned.
    """
    try:
        yield
    except ValidationError as error:
        chain = (config, *config.fallback_configs)
        meant = next((one for one in chain if error.message.startswith(f"{one.model} ")), None)
        if meant is not None:
            error.message = USE.sub(rf"; use {meant.provider}/\g<model>", error.message)
            error.args = (error.message,)

        raise
