"""Price lines that the user has fetched from providers; kept beside their schemas.

What another host said than the provider's own is looked at only where that host is asked.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..._data._types import JsonObject
from ...exceptions import ValidationError
from .._schema_store import live_path, source_of
from ._book import PriceBook, read_lines

_read: dict[str, PriceBook | None] = {}
_lock = threading.Lock()


def fetched(provider: str) -> Iterator[PriceBook]:
    """Yield what was fetched of a provider's prices, the host's that is asked first."""
    source = source_of(provider)
    for one in (provider,) if source == provider else (source, provider):
        if one not in _read:
            with _lock:
                _read[one] = _book(one)

        book = _read[one]
        if book is not None:
            yield book


def place_of(source: str) -> Path:
    """Return where the prices of a source are kept."""
    return live_path(source).with_name(f"prices-{source}.jsonl")


def _book(source: str) -> PriceBook | None:
    try:
        path = place_of(source)
        rows = path.read_text(encoding="utf-8").splitlines()
        return PriceBook(read_lines(rows, str(path)))
    except (OSError, UnicodeError, ValidationError):  # none, or not ours: as with schemas
        return None


def keep(source: str, lines: Sequence[JsonObject]) -> Path:
    """Write fetched price lines in place of those before, whole or not at all; return where.

    Raises:
        OSError: The folder can't be written.
    """
    path = place_of(source)
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)

    with _lock:
        _read.pop(source, None)

    return path


def forget() -> None:
    """Read all files anew with the next use."""
    with _lock:
        _read.clear()
