"""One circuit of a breaker: when it opens, who probes, when it closes. Pure but for its clock.

A probe has a limit: where it never comes to an end, another one goes out.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from .._data._limits import Breaker, CircuitState
    from .._data._types import JsonObject

MOST_DOUBLINGS = 4
MOST_OUTCOMES = 1000
LEAST = 1e-3
"""Seconds by which one change is later than another; a date has them."""
SKEW = 60.0
"""Seconds by which clocks may differ."""
SHARE = 0.5
"""Of what ended lately, so much has to have failed: a busy account has a few failures always."""

Verdict = Literal["good", "bad", "none"]
"""What an attempt says of its provider's machines; `none` where it says nothing."""
Pass = Literal["go", "probe", "stop"]


@dataclass(slots=True)
class Circuit:
    """What is known of one model at one host; times are seconds since the epoch."""

    outcomes: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=MOST_OUTCOMES))
    """When attempts ended, and whether well."""
    is_open: bool = False
    opened: int = 0
    """How often it has opened without having been closed between."""
    until: float = 0.0
    """When a probe may go out: the first, or another one."""
    is_probed: bool = False
    last_error: str | None = None
    changed_at: float = 0.0
    """When it last opened or closed, or a probe went out."""

    def ask(self, now: float, breaker: Breaker) -> Pass:
        """Tell whether an attempt may go out; `probe` to the one that finds out."""
        if not self.is_open:
            return "go"

        if now < self.changed_at - SKEW:  # a clock was put back: that keeps nobody out
            self.changed_at = self.until = now

        if now < self.until:
            return "stop"

        self.until = now + breaker.open_seconds
        self.is_probed = True
        self._change(now)  # other processes wait for what it finds out
        return "probe"

    def report(  # noqa: PLR0913  (each by its name)
        self,
        verdict: Verdict,
        error: str | None,
        now: float,
        breaker: Breaker,
        *,
        probed: bool,
        was_good: bool = False,
    ) -> bool:
        """Take note of how an attempt ended; return whether the circuit has opened or closed.

        Args:
            verdict: What it says of the provider's machines.
            error: What went wrong.
            now: The time.
            breaker: What opens it.
            probed: Whether it was the probe.
            was_good: Whether it has counted as good before, when its job was accepted.
        """
        if verdict == "none":
            if probed and self.is_open:
                self.until, self.is_probed = now, False  # the next one may probe at once

            return False

        if was_good:
            self._take_good_back()

        self.outcomes.append((now, verdict == "good"))
        if verdict == "good":
            return self._close(now) if self.is_open else False

        self.last_error = error
        if self.is_open:
            # Nothing follows of those that left before it opened, or for want of another config.
            return self._open(now, breaker) if probed else False

        bad, good = self.counts(now, breaker.within)
        enough = bad >= breaker.failures and bad >= SHARE * (bad + good)
        return self._open(now, breaker) if enough else False

    def counts(self, now: float, within: float) -> tuple[int, int]:
        """Return how many attempts ended badly of late, and how many well."""
        recent = [is_good for at, is_good in self.outcomes if now - at < within]
        return recent.count(False), recent.count(True)

    def state(self, now: float) -> CircuitState:
        """Return its state as users see it."""
        if not self.is_open:
            return "closed"

        return "half_open" if self.is_probed or now >= self.until else "open"

    def kept(self) -> JsonObject:
        """Return what other processes have to know."""
        return {
            "is_open": self.is_open,
            "opened": self.opened,
            "until": self.until,
            "last_error": self.last_error,
            "changed_at": self.changed_at,
        }

    def follow(self, kept: JsonObject) -> None:
        """Take what another process has found out later than this one."""
        at: Any = kept.get("changed_at")
        if not isinstance(at, float) or at <= self.changed_at:
            return

        self.changed_at = at
        self.is_open = bool(kept.get("is_open"))
        self.opened = int(kept.get("opened") or 0)
        self.until = float(kept.get("until") or 0.0)
        self.last_error = kept.get("last_error")
        self.is_probed = False
        self.outcomes.clear()

    def _take_good_back(self) -> None:
        success = next((outcome for outcome in self.outcomes if outcome[1]), None)
        if success is not None:
            self.outcomes.remove(success)

    def _change(self, now: float) -> None:
        """Note a change, as later than the last one, whatever the clock says."""
        self.changed_at = max(now, self.changed_at + LEAST)

    def _open(self, now: float, breaker: Breaker) -> bool:
        self.until = now + breaker.open_seconds * 2 ** min(self.opened, MOST_DOUBLINGS)
        self.is_open, self.is_probed = True, False
        self.opened += 1
        self._change(now)
        return True

    def _close(self, now: float) -> bool:
        self.is_open, self.is_probed, self.opened = False, False, 0
        self._change(now)
        self.outcomes.clear()
        return True
