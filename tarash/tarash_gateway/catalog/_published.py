"""When models end by their provider's own list, as the user last fetched it. Reads no network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from .._data._types import JsonObject
from . import _schema_store
from ._archive import RecordArchive
from ._modules import named
from ._sources import dates_of, source

SHUTDOWN = "shutdown"
SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


@dataclass(frozen=True, slots=True)
class Published:
    """The last day of a model, and when its provider said so."""

    shutdown: date
    read: str
    """The day on which the list was fetched, in ISO's form."""


def record_of_day(day: date | None) -> JsonObject:
    """Return what is kept of a listed model."""
    return {} if day is None else {SHUTDOWN: day.isoformat()}


def published(provider: str, model: str) -> Published | None:
    """Return when a model ends by the list that was fetched; None where that names no day.

    An id without a date stands for its dated snapshots: it ends with the last of them.
    """
    if dates_of(provider) is None:
        return None

    owner = source(provider)
    name = provider if owner is None else owner.name
    bare = model.removeprefix(f"{name}/")
    for archive in _schema_store.dates(name):
        day = _day(archive.get(bare)) if bare in archive else _of_snapshots(archive, bare)
        if day is not None:
            return Published(day, str(archive.facts.get("recorded")))

    return None


def last_days(provider: str) -> Mapping[str, date]:
    """Return the last days of models by the list that was fetched, the next to end first.

    Args:
        provider: The provider's name.
    """
    archive = _newest(provider)
    days = {one: _day(record) for one, record in archive.records()} if archive is not None else {}
    known = {one: day for one, day in days.items() if day is not None}
    return dict(sorted(known.items(), key=lambda one: (one[1], one[0])))


def unlisted(provider: str) -> list[str]:
    """Return which models of the catalogue the list that was fetched does not have.

    That is no proof of their end: a list may depend on the key, and on the place that was asked.
    """
    archive = _newest(provider)
    if archive is None:
        return []

    plain = {SNAPSHOT.sub("", one) for one in archive.ids}
    return sorted(one for one in named(provider) if one not in archive and one not in plain)


def _newest(provider: str) -> RecordArchive | None:
    owner = source(provider)
    if owner is None or dates_of(provider) is None:
        return None

    return next(_schema_store.dates(owner.name), None)


def _of_snapshots(archive: RecordArchive, model: str) -> date | None:
    ids = [one for one in archive.ids if SNAPSHOT.sub("", one) == model != one]
    days = [_day(archive.get(one)) for one in ids]
    known = [day for day in days if day is not None]
    return max(known) if known and len(known) == len(days) else None


def _day(record: Mapping[str, object] | None) -> date | None:
    day = (record or {}).get(SHUTDOWN)
    return date.fromisoformat(day) if isinstance(day, str) else None
