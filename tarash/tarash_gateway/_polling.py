"""How long to wait: before the next look at a job, before a refused submit leaves again. Pure."""

from __future__ import annotations

import random

FIRST_LOOK = 0.5
"""Seconds; quick models are done by then, and a look costs nothing."""
GROWTH = 1.5
JITTER = 0.1
FIRST_RETRY = 0.5
LONGEST_RETRY = 30.0

Random = random.Random


class Pace:
    """The pauses between looks at one job: soon at first, then growing to the poll interval."""

    def __init__(self, poll_interval: float, floor: float, rng: Random) -> None:
        """Start anew.

        Args:
            poll_interval: Seconds that the pauses grow to.
            floor: Seconds that no pause goes under: the provider's own limit.
            rng: Makes the jitter, up to 10 % either way, that keeps many jobs from looking at once.
        """
        self._longest = max(poll_interval, floor)
        self._floor = floor
        self._next = max(min(FIRST_LOOK, self._longest), floor)
        self._rng = rng

    def pause(self, retry_after: float | None = None) -> float:
        """Return the seconds until the next look; the provider's own word wins over ours."""
        if retry_after is not None:
            return max(retry_after, self._floor)

        seconds = self._next
        self._next = min(seconds * GROWTH, self._longest)
        return max(seconds * self._rng.uniform(1 - JITTER, 1 + JITTER), self._floor)


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
