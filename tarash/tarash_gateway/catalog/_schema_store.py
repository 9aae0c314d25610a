"""The catalogue's files: what ships with the package, and what the user fetched since.

Reads files on first use and never the network. The user's file goes before the package's. What
another host said than the provider's own (a proxy, a simulator) is kept apart, and looked at only
where that host is asked.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from .._data._types import JsonObject
from .._support._shipped import shipped
from ._archive import RecordArchive, pack
from ._sources import hosts_of

Found = tuple[JsonObject, Literal["live", "package"]]

SHIPPED = Path(__file__).with_name("data")
DATES = "dates-"
"""Before the name of a source whose records are the last days of models."""
MOST_HOSTS = 8
"""Other hosts of a provider that are remembered: a simulator has a new port each time."""
_asked: ContextVar[str | None] = ContextVar("_asked", default=None)
_lock = threading.Lock()
_live: dict[str, RecordArchive | None] = {}
_shipped: dict[str, RecordArchive | None] = {}
_held: dict[tuple[str, str], JsonObject] = {}
"""What was fetched and could not be written down, for as long as the process lives."""


class schema_source:  # noqa: N801  (reads as what it does)
    """Read what this host said, in place of the one that the environment names; None for that.

    For what runs at once: nothing is to be awaited inside.
    """

    __slots__ = ("_base_url", "_token")

    def __init__(self, base_url: str | None) -> None:
        self._base_url = base_url

    def __enter__(self) -> None:
        self._token = _asked.set(self._base_url or _asked.get())

    def __exit__(self, *_: object) -> None:
        _asked.reset(self._token)


def source_of(provider: str) -> str:
    """Return whose word on a provider's models is looked at: the provider's name, or a host's."""
    url = _asked.get() or os.environ.get(_variable(provider), "").strip()
    hosts = hosts_of(provider) if url else None
    return provider if hosts is None else _source_at(provider, hosts, url)


@lru_cache(maxsize=256)
def _variable(provider: str) -> str:
    return f"TARASH_{provider.upper().replace('-', '_')}_BASE_URL"


@lru_cache(maxsize=256)
def _source_at(provider: str, hosts: tuple[str, ...], url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" and any(f".{host}".endswith(f".{known}") for known in hosts):
        return provider

    place = parts.netloc.rpartition("@")[2].lower()
    return f"{provider}@{re.sub(r'[^a-z0-9.-]', '_', place)}"


def _sources(provider: str) -> tuple[str, ...]:
    """Return whose words are looked at, one after the other."""
    source = source_of(provider)
    return (provider,) if source == provider else (source, provider)


def live_path(source: str) -> Path:
    """Return where the schemas that the user fetched from a source are kept.

    Raises:
        OSError: There is no such folder: a container's user may have no home.
    """
    folder = os.environ.get("TARASH_CACHE_DIR")
    if not folder:
        import platformdirs

        try:
            folder = platformdirs.user_cache_dir("tarash-gateway", appauthor=False)
        except RuntimeError as error:
            raise OSError(str(error)) from error

        if not Path(folder).is_absolute():  # as some versions of it say the same
            message = "the user has no home directory"
            raise OSError(message)

    return Path(folder) / "catalogue" / f"{source}.shelf"


def _open(path: Path) -> RecordArchive | None:
    try:
        return RecordArchive.open(path)
    except (OSError, ValueError):
        return None


def _shipped_archive(provider: str) -> RecordArchive | None:
    if provider not in _shipped:
        with _lock:
            try:
                content = shipped("tarash.tarash_gateway.catalog", f"data/{provider}.shelf")
            except OSError:  # not every provider has schemas
                _shipped[provider] = None
            else:
                _shipped[provider] = RecordArchive(content)

    return _shipped[provider]


def _live_archive(source: str) -> RecordArchive | None:
    try:
        return _live[source]
    except KeyError:
        with _lock:
            try:
                archive = _live[source] = _open(live_path(source))
            except OSError:  # no folder, no cache
                archive = _live[source] = None

        return archive


def _live_shelves(provider: str) -> list[RecordArchive]:
    shelves = map(_live_archive, _sources(provider))
    return [shelf for shelf in shelves if shelf is not None]


def dates(provider: str) -> Iterator[RecordArchive]:
    """Yield what the user fetched of the last days of models, the host's that is asked first."""
    for source in _sources(provider):
        archive = _live_archive(f"{DATES}{source}")
        if archive is not None:
            yield archive


def forget(provider: str) -> None:
    """Read a provider's files anew with the next use."""
    names = {provider, f"{DATES}{provider}"}
    with _lock:
        for source in [key for key in _live if key.partition("@")[0] in names]:
            _live.pop(source, None)


def record(provider: str, model: str) -> Found | None:
    """Return a model's record and whether it was fetched (`live`) or shipped (`package`)."""
    for source in _sources(provider):
        live = _live_archive(source)
        if live is not None and (stored := live.get(model)) is not None:
            return stored, "live"

        if (stored := _held.get((source, model))) is not None:
            return stored, "live"

    ours = _shipped_archive(provider)
    if ours is not None and (stored := ours.get(model)) is not None:
        return stored, "package"

    return None


def ids(provider: str) -> tuple[str, ...]:
    """Return the ids of all models of a provider that have a record, in alphabetical order."""
    known: set[str] = set()
    for shelf in (*_live_shelves(provider), _shipped_archive(provider)):
        known.update(shelf or ())

    return tuple(sorted(known))


def records(provider: str) -> Iterator[tuple[str, Found]]:
    """Yield every model with its record; cheaper than one by one."""
    fetched: dict[str, JsonObject] = {}
    for shelf in reversed(_live_shelves(provider)):
        fetched.update(shelf.records())

    for model, stored in fetched.items():
        yield model, (stored, "live")

    for model, stored in shipped_records(provider):
        if model not in fetched:
            yield model, (stored, "package")


def shipped_records(provider: str) -> Iterator[tuple[str, JsonObject]]:
    """Yield the records that ship with the package."""
    ours = _shipped_archive(provider)
    if ours is not None:
        yield from ours.records()


def recorded(provider: str) -> tuple[str | None, str | None]:
    """Return the dates of what the user fetched and of what ships."""
    shelves = (next(iter(_live_shelves(provider)), None), _shipped_archive(provider))
    dates = [None if shelf is None else shelf.facts.get("recorded") for shelf in shelves]
    return dates[0], dates[1]


def hold(provider: str, model: str, record: JsonObject) -> None:
    """Keep a record in memory only."""
    _held[source_of(provider), model] = record


def store(
    provider: str,
    models: dict[str, JsonObject],
    recorded: str,
    *,
    add: bool,
    source: str | None = None,
) -> Path:
    """Write fetched records, whole or not at all, and return where.

    Args:
        provider: The provider's name.
        models: Records by id.
        recorded: The day they were fetched.
        add: Whether what was fetched before stays.
        source: Whose word they are; by default that of the host that is asked.
    """
    source = source or source_of(provider)
    path = live_path(source)
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

    kind, separator, _host = source.partition("@")
    if separator:
        _drop_oldest(kind, path.parent)

    forget(provider)
    return path


def _drop_oldest(kind: str, folder: Path) -> None:
    with suppress(OSError):  # another process may drop them, too
        others = sorted(folder.glob(f"{kind}@*.shelf"), key=lambda file: file.stat().st_mtime_ns)
        for path in others[:-MOST_HOSTS]:
            path.unlink(missing_ok=True)
