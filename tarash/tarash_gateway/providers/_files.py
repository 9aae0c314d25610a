"""Declarations in files: one that is named, and those of the folder in TARASH_PROVIDERS."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._support._warnings import warn
from ..exceptions import ValidationError
from ._provider import Provider


def row_of(source: str | Path | Mapping[str, Any]) -> Provider:
    """Return the row of a declared provider; what reads declarations is loaded when needed."""
    from ._declared import declared_provider

    return declared_provider(source)


def of_the_environment() -> list[Provider]:
    """Return the rows of the folder's TOML files; one that is no declaration is warned of."""
    folder = os.environ.get("TARASH_PROVIDERS")
    rows = []
    if folder and not Path(folder).is_dir():
        warn(f"TARASH_PROVIDERS names no folder that is there: {folder!r}")

    for path in sorted(Path(folder).glob("*.toml")) if folder else ():
        try:
            rows.append(row_of(path))
        except ValidationError as error:
            warn(f"{error.message} (found by TARASH_PROVIDERS, and left out)")

    return rows
