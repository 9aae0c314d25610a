"""Which deliveries have been taken, so that the same one, sent again, is not taken twice."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

KEPT_SECONDS = 900
"""Longer than a delivery counts, at both ends."""
MOST = 65_536


class SeenDeliveries:
    """Keys of deliveries, for a while. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = MOST) -> None:
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._at: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str) -> bool:
        """Note a delivery, before it is worked on; return whether it is new."""
        now = self._clock()
        with self._lock:
            while self._at and now - next(iter(self._at.values())) > KEPT_SECONDS:
                self._at.popitem(last=False)

            if key in self._at:
                return False

            self._at[key] = now
            if len(self._at) > self._most:
                self._at.popitem(last=False)

            return True

    def give_back(self, key: str) -> None:
        """Forget a delivery that could not be worked on: its sender tries it again."""
        with self._lock:
            self._at.pop(key, None)
