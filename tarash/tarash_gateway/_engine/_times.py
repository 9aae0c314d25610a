"""How long jobs take: a small histogram for each provider, model, duration and resolution.

Kept in the ledger where that is durable, so that a new process knows what others have seen.
"""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import anyio

from .._support._logging import event
from ._poll_schedule import Span

if TYPE_CHECKING:
    from .._data._exchange import Call
    from .._data._types import JsonObject
    from ..ledger._contract import Ledger, StateLedger

SPACE = "times"
"""Where ledgers keep them."""
STEP = math.log(1.12)
"""Buckets grow by so much: an estimate is right to some six percent."""
SHORTEST = 0.01
LARGEST_TOTAL = 128.0
"""Of jobs that count; beyond it all count half, so that what was seen lately counts more."""
ENOUGH = 5.0
"""Jobs that pacing takes for a rule."""
RARE = 0.02
"""Of the jobs of a kind: buckets with fewer are no rule."""
JOINED_BUCKETS = 2
"""Jobs in buckets that are no farther apart are of one length."""
MOST_KINDS = 500
KEPT = timedelta(days=90)
LOADED_SECONDS = 600.0
SAVED_SECONDS = 10.0
LEDGER_SECONDS = 1.0
"""A ledger may take so long: an estimate is worth no more."""
TRIES = 3

Kind = tuple[str, ...]
"""Provider, model, duration and resolution; those are empty where a request does not say them."""


ALL: Kind = ("all",)


def kind_of(call: Call) -> Kind:
    """Return what jobs have in common that take about the same time."""
    fields, config = vars(call.request), call.config
    values = (fields.get("duration_seconds"), fields.get("resolution"))
    shown = ["" if value is None else str(value) for value in values]
    return (config.provider, config.model, "mock" if call.mocked else "", *shown)


@dataclass(slots=True)
class Histogram:
    """How often jobs took how long, in buckets that grow with the time."""

    counts: dict[int, float] = field(default_factory=dict)
    has_percent: bool = False
    """Whether the provider itself says how far such jobs are."""

    @property
    def total(self) -> float:
        """How many jobs it stands for."""
        return sum(self.counts.values())

    def add(self, seconds: float, weight: float = 1.0) -> None:
        """Count a job."""
        place = round(math.log(max(seconds, SHORTEST)) / STEP)
        self.counts[place] = self.counts.get(place, 0.0) + weight
        if self.total > LARGEST_TOTAL:
            self.counts = {at: count / 2 for at, count in self.counts.items() if count > STEP}

    def merge(self, other: Histogram) -> None:
        """Count the jobs of another one, too."""
        self.has_percent = self.has_percent or other.has_percent
        for place, count in other.counts.items():
            self.add(math.exp(place * STEP), count)

    def quantile(self, share: float) -> float | None:
        """Return the seconds within which this share of the jobs was done; None for no job."""
        left = share * self.total
        for place in sorted(self.counts):
            left -= self.counts[place]
            if left <= 0:
                return math.exp(place * STEP)

        return None

    def spans(self) -> list[Span]:
        """Return when jobs of each length end: neighbouring buckets are of one length."""
        least = RARE * self.total
        groups: list[list[int]] = []
        for place in sorted(at for at, count in self.counts.items() if count >= least):
            if not groups or place > groups[-1][-1] + JOINED_BUCKETS:
                groups.append([])

            groups[-1].append(place)

        return [
            Span(math.exp((group[0] - 0.5) * STEP), math.exp((group[-1] + 0.5) * STEP))
            for group in groups
        ]

    def kept(self) -> JsonObject:
        """Return it as JSON."""
        counts = {str(place): round(count, 3) for place, count in self.counts.items()}
        return {"counts": counts, "has_percent": self.has_percent}


def _read(kept: Any) -> Histogram:
    try:
        counts = {int(place): float(count) for place, count in kept["counts"].items()}
        return Histogram(counts, bool(kept.get("has_percent")))
    except (KeyError, TypeError, ValueError, AttributeError):
        return Histogram()  # of another version


class LearnedTimes:
    """What one gateway knows of how long jobs take; safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[Kind, Histogram] = OrderedDict()
        self._unsaved: dict[Kind, Histogram] = {}
        self._loaded_at: dict[Kind, float] = {}
        self._saved_at: dict[Kind, float] = {}

    def record(self, kind: Kind, seconds: float) -> None:
        """Remember how long a job took, from its submit to its end."""
        with self._lock:
            for place in (self._known, self._unsaved):
                place.setdefault(kind, Histogram()).add(seconds)

            self._known.move_to_end(kind)
            while len(self._known) > MOST_KINDS:
                gone, _ = self._known.popitem(last=False)
                for other in (self._unsaved, self._loaded_at, self._saved_at):
                    cast("dict[Kind, Any]", other).pop(gone, None)

    def quantile(self, kind: Kind, share: float, *, least: float = 1.0) -> float | None:
        """Return the seconds within which this share of such jobs is done; None if unknown.

        Args:
            kind: Which jobs.
            share: From 0 to 1.
            least: How many have to have been seen.
        """
        with self._lock:
            histogram = self._known.get(kind)
            return (
                None if histogram is None or histogram.total < least else histogram.quantile(share)
            )

    def spans(self, kind: Kind) -> tuple[list[Span], float]:
        """Return when jobs of each length end, and of how many jobs that is known; none if few."""
        with self._lock:
            histogram = self._known.get(kind)
            if histogram is None or histogram.total < ENOUGH:
                return [], 0.0

            return histogram.spans(), histogram.total

    def window(self, kind: Kind) -> Span | None:
        """Return the seconds between which such jobs end as a rule; None where there is none."""
        spans, _ = self.spans(kind)
        return Span(spans[0].early, spans[-1].late) if spans else None

    def record_percent(self, kind: Kind) -> None:
        """Remember that the provider itself says how far such jobs are."""
        with self._lock:
            for place in (self._known, self._unsaved):
                if kind in place:
                    place[kind].has_percent = True

    def percent(self, kind: Kind, elapsed: float) -> float | None:
        """Return how much of such a job is done as a rule, never all of it.

        None where that is not known, or the provider itself says it now and then: the two would
        contradict each other.
        """
        with self._lock:
            histogram = self._known.get(kind)
            if histogram is None or histogram.has_percent:
                return None

        usual = self.quantile(kind, 0.5, least=ENOUGH)
        return None if usual is None else round(min(95.0, 100 * elapsed / usual))

    async def load(self, kind: Kind, ledger: Ledger) -> None:
        """Take what a durable ledger knows of such jobs, now and then."""
        with self._lock:
            is_due = self._is_due(self._loaded_at, kind, LOADED_SECONDS)

        if not is_due or not _shares(ledger):
            return

        with anyio.move_on_after(LEDGER_SECONDS):
            try:
                state = await cast("StateLedger", ledger).read_state(SPACE, _name(kind))
            except Exception as error:  # noqa: BLE001  (nothing depends on it)
                _failed(error)
                return

            if state is not None:
                self._take(kind, _read(state.value))

    async def load_all(self, ledger: Ledger) -> None:
        """Take all that a durable ledger knows, now and then."""
        with self._lock:
            is_due = self._is_due(self._loaded_at, ALL, LOADED_SECONDS)

        if not is_due or not _shares(ledger):
            return

        with anyio.move_on_after(LEDGER_SECONDS):
            try:
                states = await cast("StateLedger", ledger).list_states(SPACE, limit=MOST_KINDS)
            except Exception as error:  # noqa: BLE001  (nothing depends on it)
                _failed(error)
                return

            for state in states:
                self._take(tuple(json.loads(state.name)), _read(state.value))

    async def save(self, kind: Kind, ledger: Ledger) -> None:
        """Add what was seen here to what a durable ledger knows, now and then."""
        with self._lock:
            if not _shares(ledger) or not self._is_due(self._saved_at, kind, SAVED_SECONDS):
                return

            seen = self._unsaved.pop(kind, None)

        with anyio.move_on_after(LEDGER_SECONDS, shield=True):
            try:
                if seen is not None:
                    await self._add(kind, seen, cast("StateLedger", ledger))
            except Exception as error:  # noqa: BLE001  (nothing depends on it)
                _failed(error)

    async def _add(self, kind: Kind, seen: Histogram, ledger: StateLedger) -> None:
        until = datetime.now(UTC) + KEPT
        for _ in range(TRIES):
            state = await ledger.read_state(SPACE, _name(kind))
            whole = Histogram() if state is None else _read(state.value)
            whole.merge(seen)
            version = 0 if state is None else state.version
            kept = whole.kept()
            name = _name(kind)
            if await ledger.write_state(SPACE, name, kept, expected=version, until=until):
                self._take(kind, whole)
                return

    def _take(self, kind: Kind, whole: Histogram) -> None:
        with self._lock:
            known = Histogram(dict(whole.counts), whole.has_percent)
            known.merge(self._unsaved.get(kind, Histogram()))
            self._known[kind] = known

    def _is_due(self, at: dict[Kind, float], kind: Kind, seconds: float) -> bool:
        now = self._clock()
        if now - at.get(kind, -math.inf) < seconds:
            return False

        at[kind] = now
        return True


def _name(kind: Kind) -> str:
    return json.dumps(kind)


def _shares(ledger: Ledger) -> bool:
    """Tell whether what is written into a ledger outlives the process."""
    return math.isfinite(ledger.lease_seconds) and getattr(ledger, "keeps_state", False)


def _failed(error: Exception) -> None:
    event(logging.ERROR, "ledger_failed", error=f"{type(error).__name__}: {error}")
