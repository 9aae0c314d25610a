"""Limits that providers have said or shown, for the processes that share a ledger.

A refusal makes a limit smaller by one; each minute without one makes it larger by one. A number
that a refusal names holds for an hour, what the provider's own page says until it says another.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from ._limit_rules import is_refusal, limits_in

if TYPE_CHECKING:
    from .._data._types import JsonObject
    from ..exceptions import TarashException
    from ..ledger._contract import Ledger, StateLedger

SPACE = "limits"
"""Where ledgers keep them, by account."""
REGROWTH_SECONDS = 60.0
"""Without a refusal for so long, one job more is tried."""
NAMED_SECONDS = 3600.0
"""What a refusal names holds for so long: an account may be given more, and nobody says so."""
KEPT = timedelta(days=1)
READ_SECONDS = 5.0
"""What other processes have learned is read so often, at most."""
MOST_LINES = 1000


@dataclass(slots=True)
class Learned:
    """What is known of one model at one account, or of the account as a whole."""

    said: int | None = None
    """Jobs at a time, in the provider's own words."""
    until: float | None = None
    """When that was named by a refusal: it holds until then, and one more is tried each minute."""
    shown: float | None = None
    """Jobs at a time, as its refusals show, at `at`."""
    at: float = 0.0
    """Seconds since the epoch."""
    per_minute: int | None = None
    """Submits per minute, as a refusal has named them within the last hour."""

    def most(self, now: float) -> int | None:
        """Return the jobs at a time that it allows now; None for no limit."""
        named = self.said
        if named is not None and self.until is not None:
            named += int(max(0.0, now - self.until) / REGROWTH_SECONDS)

        if self.shown is None:
            return named

        grown = int(self.shown + max(0.0, now - self.at) / REGROWTH_SECONDS)
        return grown if named is None else min(named, grown)


_NOTHING = Learned()


class LearnedLimits:
    """What one gateway has learned; safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._lines: dict[str, dict[str, Learned]] = {}
        self._changed: set[str] = set()
        self._read_at: dict[str, float] = {}
        self._asked_at: dict[str, float] = {}

    def most(self, line: str, model: str) -> tuple[int | None, int | None]:
        """Return the jobs at a time of the account, and of a model; None for no limit."""
        with self._lock:
            known, now = self._lines.get(line, {}), self._clock()
            whole, part = known.get("", _NOTHING), known.get(model, _NOTHING)
            return whole.most(now), part.most(now)

    def per_minute(self, line: str) -> int | None:
        """Return the submits per minute that the account's provider has named."""
        with self._lock:
            known = self._lines.get(line, {}).get("", _NOTHING)
            return known.per_minute if self._clock() - known.at < NAMED_SECONDS else None

    def refused(self, line: str, model: str, error: TarashException, in_flight: int) -> None:
        """Learn from a submit that was refused.

        Args:
            line: The account.
            model: The model's id; empty where limits are the account's.
            error: The provider's answer.
            in_flight: How many jobs were in flight, the refused one among them.
        """
        if not is_refusal(error):
            return

        limit, per_minute = limits_in(error)
        with self._lock:
            learned = self._at(line, model)
            now = self._clock()
            if limit is not None and limit < in_flight:  # more would be no reason: not that number
                learned.said, learned.until, learned.at = limit, now + NAMED_SECONDS, now
            elif per_minute is not None:
                self._at(line, "").per_minute = per_minute
                self._at(line, "").at = now
            else:
                before = learned.most(now)
                most = max(in_flight, 1) if before is None else min(before, max(in_flight, 1))
                learned.shown, learned.at = max(1.0, most - 1.0), now

            self._changed.add(line)

    def is_due(self, line: str, seconds: float) -> bool:
        """Tell whether a provider is to be asked for an account's limits; True to one who asks."""
        with self._lock:
            now = self._clock()
            if now - self._asked_at.get(line, -seconds) < seconds:
                return False

            self._asked_at[line] = now
            return True

    def declared(self, line: str, limits: Mapping[str, int]) -> None:
        """Take what a provider says of its models, by id; an empty one stands for all of them.

        Of a model that may have no job at all nobody waits for a place: the provider says why.
        """
        with self._lock:
            for model, number in limits.items():
                one = self._at(line, model)
                one.said, one.until = number if number > 0 else None, None
                one.at = self._clock()

            self._changed.add(line)

    async def sync(self, line: str, ledger: Ledger) -> None:
        """Share what was learned with the other processes of a ledger that keeps states."""
        if not getattr(ledger, "keeps_state", False):
            return

        states = cast("StateLedger", ledger)
        with self._lock:
            is_new = line in self._changed
            is_old = self._clock() - self._read_at.get(line, -READ_SECONDS) >= READ_SECONDS
            if is_new or is_old:
                self._changed.discard(line)
                self._read_at[line] = self._clock()

        if not (is_new or is_old):
            return

        state = await states.read_state(SPACE, line)
        kept = self._merge(line, {} if state is None else state.value)
        if is_new:
            await states.write_state(SPACE, line, kept, until=datetime.now(UTC) + KEPT)

    def _merge(self, line: str, stored: JsonObject) -> JsonObject:
        with self._lock:
            for model, kept in stored.items():
                learned = self._at(line, model)
                other = _read(kept)
                if other is not None and other.at > learned.at:
                    self._lines[line][model] = other

            return {model: asdict(learned) for model, learned in self._lines.get(line, {}).items()}

    def _at(self, line: str, model: str) -> Learned:
        if len(self._lines) > MOST_LINES and line not in self._lines:
            del self._lines[next(iter(self._lines))]

        return self._lines.setdefault(line, {}).setdefault(model, Learned())


def _read(facts: Any) -> Learned | None:
    """Return what another process has written down; None for what no version of ours writes."""
    try:
        return Learned(**facts)
    except TypeError:
        return None
