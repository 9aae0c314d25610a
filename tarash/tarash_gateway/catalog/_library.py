"""The catalogue's files: what ships with the package, and what the user fetched since.

Reads files on first look and never the network. The user's file goes before the package's.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from .._types import JsonObject
from ._shelf import Shelf, pack

Found = tuple[JsonObject, Literal["live", "package"]]

SHIPPED = Path(__file__).with_name("data")
_lock = threading.Lock()
_shelves: dict[str, tuple[Shelf | None, Shelf | None]] = {}
_held: dict[tuple[str, str], JsonObject] = {}
"""What was fetched and could not be written down, for as long as the process lives."""


def live_path(provider: str) -> Path:
    """Return where the schemas that the user fetched are kept."""
    folder = os.environ.get("TARASH_CACHE_DIR")
    if not folder:
        import platformdirs

        folder = platformdirs.user_cache_dir("tarash-gateway", appauthor=False)

    return Path(folder) / "catalogue" / f"{provider}.shelf"


def _open(path: Path) -> Shelf | None:
    try:
        return Shelf.open(path)
    except (OSError, ValueError):
        return None


def _both(provider: str) -> tuple[Shelf | None, Shelf | None]:
    """Return the user's shelf and the package's."""
    found = _shelves.get(provider)
    if found is None:
        with _lock:
            found = _open(live_path(provider)), _open(SHIPPED / f"{provider}.shelf")
            _shelves[provider] = found

    return found


def forget(provider: str) -> None:
    """Read a provider's files anew with the next look."""
    with _lock:
        _shelves.pop(provider, None)


def record(provider: str, model: str) -> Found | None:
    """Return a model's record and whether it was fetched (`live`) or shipped (`package`)."""
    live, shipped = _both(provider)
    if live is not None and (found := live.get(model)) is not None:
        return found, "live"

    if (found := _held.get((provider, model))) is not None:
        return found, "live"

    if shipped is not None and (found := shipped.get(model)) is not None:
        return found, "package"

    return None


def ids(provider: str) -> tuple[str, ...]:
    """Return the ids of all models of a provider that have a record, in alphabetical order."""
    known: set[str] = set()
    for shelf in _both(provider):
        known.update(shelf or ())

    return tuple(sorted(known))


def records(provider: str) -> Iterator[tuple[str, Found]]:
    """Yield every model with its record; cheaper than one by one."""
    live, shipped = _both(provider)
    fetched = dict(live.records()) if live is not None else {}
    for model, found in fetched.items():
        yield model, (found, "live")

    for model, found in shipped.records() if shipped is not None else ():
        if model not in fetched:
            yield model, (found, "package")


def shipped_records(provider: str) -> Iterator[tuple[str, JsonObject]]:
    """Yield the records that ship with the package."""
    shipped = _both(provider)[1]
    if shipped is not None:
        yield from shipped.records()


def recorded(provider: str) -> tuple[str | None, str | None]:
    """Return the dates of what the user fetched and of what ships."""
    live, shipped = _both(provider)
    dates = [None if shelf is None else shelf.facts.get("recorded") for shelf in (live, shipped)]
    return dates[0], dates[1]


def hold(provider: str, model: str, record: JsonObject) -> None:
    """Keep a record in memory only."""
    _held[provider, model] = record


def store(provider: str, models: dict[str, JsonObject], recorded: str, *, add: bool) -> Path:
    """Write fetched records, whole or not at all, and return where.

    Args:
        provider: The provider's name.
        models: Records by id.
        recorded: The day they were fetched.
        add: Whether what was fetched before stays.
    """
    path = live_path(provider)
    before = _open(path) if add else None
    kept = dict(before.records()) if before is not None else {}
    content = pack({**kept, **models}, {"provider": provider, "recorded": recorded})
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        scratch.write_bytes(content)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)

    forget(provider)
    return path
