"""How often somebody may do something: so many a minute, and as many at once.

In this process only: each of several servers counts by itself.
"""

from __future__ import annotations

import time
from collections import OrderedDict

MOST_NAMES = 10_000
"""Names that are remembered; the one that was away for longest makes room."""
MINUTE = 60.0


class TokenBuckets:
    """Counts by name."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, per_minute: int | None) -> float | None:
        """Take one of a name's share.

        Args:
            name: Whose.
            per_minute: How many it may have a minute; None for any number.

        Returns:
            None; or how many seconds to wait, where all of it is taken.
        """
        if per_minute is None:
            return None

        now = time.monotonic()
        left, since = self._left.pop(name, (float(per_minute), now))
        left = min(float(per_minute), left + (now - since) * per_minute / MINUTE)
        enough = left >= 1
        self._left[name] = (left - 1 if enough else left, now)
        if len(self._left) > MOST_NAMES:
            self._left.popitem(last=False)

        return None if enough else (1 - left) * MINUTE / per_minute
