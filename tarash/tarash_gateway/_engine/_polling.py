"""How long to wait: before the next look at a job, before a refused submit leaves again. Pure."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable

FIRST_LOOK = 0.5
"""Seconds; quick models are done by then, and a look costs nothing."""
SHARE = 0.1
"""Of the time that a job of an unknown kind has taken so far: noticed no later than that."""
GROWTH = 1.5
"""Of the pauses after looks that failed, and after the end was expected in vain."""
JITTER = 0.1
FIRST_RETRY = 0.5
LONGEST_RETRY = 30.0

REMEMBERED = 8
"""Jobs that an expectation is made of: few, so that it follows a model that gets faster."""
WORTH = 0.05
"""Seconds: with it, a look more costs as much as a fortieth of a second of somebody's waiting."""
FINEST = 0.02
"""Looks are no closer than this share of what a job takes: so exact nobody can know it."""
CLOSEST = 0.05
"""Nor closer than so many seconds."""
APPROACH = 3
"""Pauses are so many times longer while the end is expected, and known not to be near."""
NEAR = 3
"""The last pause before the end is expected is so many times the distance of looks there."""
LOOKS_A_SECOND = 1500
"""Where more jobs of a kind wait, each is looked at less often: more looks than a process can make
bring no job sooner, and providers count requests.
"""

Random = random.Random


class History:
    """When jobs of one kind were done, as far as looks can tell: between two of them.

    Attributes:
        window: The seconds after its submit between which a job is expected to end; None while
            nothing is known.
        waiting: How many such jobs are waited for.
        on_first: Called, once each, when the first job has shown how long such jobs take.
    """

    def __init__(self) -> None:
        self.window: tuple[float, float] | None = None
        self.waiting = 0
        self.on_first: set[Callable[[], None]] = set()
        self._seen: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)

    def note(self, after: float, by: float) -> None:
        """Remember a job that was still running at one look and done at the next."""
        self._seen.append((after, by))
        self.window = self._expectation()
        while self.on_first:
            self.on_first.pop()()

    def _expectation(self) -> tuple[float, float]:
        latest_running = max(after for after, _ in self._seen)
        earliest_done = min(by for _, by in self._seen)
        if latest_running < earliest_done:
            return latest_running, earliest_done  # all may have taken the same time

        sharp = [one for one in self._seen if not any(_holds(one, other) for other in self._seen)]
        ends = sorted(by for _, by in sharp)
        # One that took much longer, behind a queue perhaps, is no rule.
        rare = len(ends) > 1 and len(self._seen) > REMEMBERED // 2
        last = ends[-2] if rare else ends[-1]
        return min(after for after, _ in sharp), last


def _holds(outer: tuple[float, float], inner: tuple[float, float]) -> bool:
    return outer != inner and outer[0] <= inner[0] and inner[1] <= outer[1]


class PollSchedule:
    """The pauses between looks at one job.

    A tenth of what the job has taken, up to the poll interval, while nothing is known of such jobs;
    else short where the job is expected to end.
    """

    def __init__(
        self, poll_interval: float, floor: float, rng: Random, history: History | None = None
    ) -> None:
        """Start anew.

        Args:
            poll_interval: Seconds that no pause goes beyond, but for the floor.
            floor: Seconds that no pause goes under: the provider's own limit.
            rng: Makes the jitter, up to 10 % either way, that keeps many jobs from looking at once.
            history: What was seen of such jobs before, and meanwhile.
        """
        self._longest = max(poll_interval, floor)
        self._floor = floor
        self._shortest = max(min(FIRST_LOOK, self._longest), floor)
        self._after_failure = self._shortest
        self._rng = rng
        self._history = history or History()
        self._phase = rng.random()
        self._overdue = 0.0
        self._aimed = False

    def pause(
        self, elapsed: float, retry_after: float | None = None, *, failed: bool = False
    ) -> float:
        """Return the seconds until the next look.

        Args:
            elapsed: Seconds since the job was accepted.
            retry_after: The provider's own word, which wins over ours.
            failed: Whether the last look brought no answer: then the pauses only grow.
        """
        if retry_after is not None:
            return max(retry_after, self._floor)

        busy = self._history.waiting / LOOKS_A_SECOND
        seconds = min(max(SHARE * elapsed, self._shortest, busy), self._longest)
        self._after_failure = (
            min(self._after_failure * GROWTH, self._longest) if failed else self._shortest
        )
        if failed:
            seconds = max(seconds, self._after_failure)

        if self._history.window is None or failed:
            seconds *= self._rng.uniform(1 - JITTER, 1 + JITTER)
        else:
            seconds = self._towards(*self._history.window, elapsed, seconds)

        return max(seconds, self._floor)

    def _towards(self, early: float, late: float, elapsed: float, unknown: float) -> float:
        """Return the pause on the way to the moment at which such jobs end, and through it.

        Looks whose distance goes with the root of the uncertainty cost least, taken together with
        what is waited for nothing (`WORTH` weighs the two).
        """
        width = late - early
        busy = self._history.waiting / LOOKS_A_SECOND
        gap = max(math.sqrt(WORTH * width), FINEST * late, CLOSEST, busy, self._floor)
        gap = min(gap, self._longest)
        left = (late if width <= gap else early + self._phase * gap) - elapsed
        aimed, self._aimed = self._aimed, True
        if left > 0:
            # Looks on the way show the progress, and a job that ended early.
            near = left <= NEAR * gap
            most = self._longest if near else min(APPROACH * unknown, left / 2, self._longest)
            return self._part(left, most)

        if not aimed:
            return gap * self._phase  # told in the midst of it, like others at the same moment

        if elapsed < late:
            return gap

        self._overdue = min(max(gap, self._overdue * GROWTH), self._longest)
        return self._overdue

    def _part(self, left: float, most: float) -> float:
        """Return the longest equal part of what is left that is neither too long nor too short."""
        parts = math.ceil(left / most)
        if self._floor > 0:
            parts = max(1, min(parts, int(left / self._floor)))

        return left / parts


def retry_pause(attempt: int, retry_after: float | None, rng: Random) -> float:
    """Return the seconds before a refused submit leaves again.

    Args:
        attempt: How many were refused so far, from 1.
        retry_after: What the provider asked for, which wins; up to 10 % more.
        rng: Spreads many callers, so that they don't all come back at once.
    """
    if retry_after is not None:
        return retry_after * rng.uniform(1, 1 + JITTER)

    longest = min(FIRST_RETRY * 2.0 ** (attempt - 1), LONGEST_RETRY)
    return longest * rng.uniform(0.5, 1)
