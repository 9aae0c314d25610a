"""When models were or will be shut down, and what replaces them: facts with their sources.

What the provider's own list says, where the user has fetched it, goes before the rows that ship,
which are ENDS in the module that describes its models. A row covers an id, or with a `*` at its end
every id that begins so. No date means that the provider no longer offers the model and states no
day, or, where its schema says so, that it advises against it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from types import ModuleType

from .._data._types import JsonObject
from . import _schema_store
from ._archive import RecordArchive
from ._modules import named
from ._sources import dates_of, described_by, is_described, module_of, names, source

SOON_DAYS = 30
"""So long before its end a model is warned of."""


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The end of a model.

    Attributes:
        shutdown: The day; None where it is gone and nobody says since when.
        successor: The id to use instead: the one that the provider names, else the present model
            of the same family; None where there is none.
        source: Where the date is from; one that begins with `reports by others` is not the
            provider's own word.
    """

    shutdown: date | None
    successor: str | None
    source: str
    names_successor: bool = True
    """Whether the source would name a successor if there was one: a list of models does not."""
    is_passed_on: bool = False
    """Whether it is the end at the model's maker, which this provider passes requests on to."""
    is_deprecated: bool = False
    """Whether the provider advises against it, and still takes requests for it."""

    @property
    def is_stated(self) -> bool:
        """Whether the provider itself says so, as far as is known."""
        return not self.source.startswith("reports by others")

    def note(self, model: str, today: date) -> str:
        """Return one sentence on it."""
        unnamed = "it has no successor" if self.names_successor else "see what replaces it there"
        instead = f"use {self.successor}" if self.successor else unnamed
        if self.is_deprecated:
            return f"{model} is marked as deprecated by its provider, which names no day; {instead}"

        if self.shutdown is None:
            return f"{model} is no longer offered by its provider; {instead}"

        tense = "was" if self.shutdown <= today else "will be"
        sure = "" if self.is_stated else " (as others report; the provider's own word is not known)"
        return f"{model} {tense} shut down on {self.shutdown.isoformat()}{sure}; {instead}"


def ends(day: str | None, successor: str | None, source: str) -> Lifecycle:
    """Return the end of a model: a value of ENDS in the module of a provider's models.

    Args:
        day: The last day, in ISO's form; None where it is gone and nobody says since when.
        successor: The id to use instead; None where there is none.
        source: Where the day is from.
    """
    return Lifecycle(None if day is None else date.fromisoformat(day), successor, source)


class _Lifecycles(Mapping[str, Mapping[str, Lifecycle]]):
    """The rows that ship, by provider: each stands beside what its models take."""

    def __getitem__(self, provider: str) -> Mapping[str, Lifecycle]:
        if not is_described(provider):
            raise KeyError(provider)

        rows: Mapping[str, Lifecycle] = getattr(module_of(provider), "ENDS", {})
        return rows

    def __iter__(self) -> Iterator[str]:
        return (name for name in names() if self[name])

    def __len__(self) -> int:
        return sum(1 for _ in self)


LIFECYCLES: Mapping[str, Mapping[str, Lifecycle]] = _Lifecycles()


def lifecycle(provider: str, model: str) -> Lifecycle | None:
    """Return what is known of a model's end: by the provider's own list, else by what ships."""
    known = _shipped(provider, model)
    listed = published(provider, model)
    if listed is None:
        return known or _deprecated(provider, model)

    return Lifecycle(
        listed.shutdown,
        known.successor if known is not None else None,
        f"{provider}'s list of models, read on {listed.read}",
        names_successor=known is not None,
    )


def _deprecated(provider: str, model: str) -> Lifecycle | None:
    """Return what a model's schema says, as fal's do: that it is deprecated, and no day."""
    stored = _schema_store.record(provider, model)
    if stored is None or not stored[0].get("deprecated"):
        return None

    return Lifecycle(
        None, None, f"{provider}'s list of models", names_successor=False, is_deprecated=True
    )


def _shipped(provider: str, model: str) -> Lifecycle | None:
    """Return what ships: by the exact id, the longest prefix, else as a host's of another's."""
    row = _row(provider, model)
    if row is not None:
        return row

    # A host passes requests on to whoever makes the model, and names it before the slash.
    maker, slash, own = model.partition("/")
    if not slash or maker == provider:
        return None

    passed_on = _row(maker, own) or _row(maker, own.partition("/")[0])
    if passed_on is None:
        return None

    source = f"reports by others: the end of it at {maker}, which {provider} passes requests on to"
    return Lifecycle(passed_on.shutdown, None, source, names_successor=False, is_passed_on=True)


def _row(provider: str, model: str) -> Lifecycle | None:
    module = described_by(provider)
    return None if module is None else _row_in(module, model)


@lru_cache(maxsize=4096)
def _row_in(module: ModuleType, model: str) -> Lifecycle | None:
    """Return the row that covers a model: a module's rows do not change."""
    rows: Mapping[str, Lifecycle] = getattr(module, "ENDS", {})
    if model in rows:
        return rows[model]

    prefixes = (key for key in rows if key.endswith("*") and model.startswith(key[:-1]))
    prefix = max(prefixes, key=len, default=None)
    return None if prefix is None else rows[prefix]


def ending(
    provider: str, model: str, today: date | None = None, within: int = SOON_DAYS
) -> str | None:
    """Return a sentence on a model that is gone, or soon will be; None for any other.

    Args:
        provider: The provider's name.
        model: The model's id.
        today: The day to judge by; today, in UTC, by default.
        within: Days from then on that count as soon.
    """
    day = today or datetime.now(UTC).date()
    end = lifecycle(provider, model)
    is_soon = end is not None and (
        end.shutdown is None or end.shutdown - day <= timedelta(days=within)
    )
    return end.note(model, day) if end is not None and is_soon else None


def retired(provider: str, model: str, today: date | None = None) -> str | None:
    """Return a sentence on a model that is no longer there; None for one that is.

    Args:
        provider: The provider's name.
        model: The model's id.
        today: The day to judge by; today, in UTC, by default.
    """
    end = lifecycle(provider, model)
    if end is None:
        return None

    day = today or datetime.now(UTC).date()
    gone = not end.is_deprecated if end.shutdown is None else end.shutdown <= day
    return end.note(model, day) if gone else None


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
    days = (
        {model: _day(record) for model, record in archive.records()} if archive is not None else {}
    )
    known = {model: day for model, day in days.items() if day is not None}
    return dict(sorted(known.items(), key=lambda pair: (pair[1], pair[0])))


def unlisted(provider: str) -> list[str]:
    """Return which models of the catalogue the list that was fetched does not have.

    That is no proof of their end: a list may depend on the key, and on the place that was asked.
    """
    archive = _newest(provider)
    if archive is None:
        return []

    plain = {SNAPSHOT.sub("", model) for model in archive.ids}
    return sorted(model for model in named(provider) if model not in archive and model not in plain)


def _newest(provider: str) -> RecordArchive | None:
    owner = source(provider)
    if owner is None or dates_of(provider) is None:
        return None

    return next(_schema_store.dates(owner.name), None)


def _of_snapshots(archive: RecordArchive, model: str) -> date | None:
    ids = [snapshot for snapshot in archive.ids if SNAPSHOT.sub("", snapshot) == model != snapshot]
    days = [_day(archive.get(snapshot)) for snapshot in ids]
    known = [day for day in days if day is not None]
    return max(known) if known and len(known) == len(days) else None


def _day(record: Mapping[str, object] | None) -> date | None:
    day = (record or {}).get(SHUTDOWN)
    return date.fromisoformat(day) if isinstance(day, str) else None
