"""When thousands of waits end, with one timer of the event loop for all of them.

A timer of asyncio is an object that is compared in Python each time that one is set or runs out.
Where thousands wait, that is most of what their waits cost. Here only the next one is such a timer.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from heapq import heappop, heappush
from typing import Protocol

from anyio.lowlevel import RunVar

TOGETHER = 0.0005
"""Seconds; alarms that are no further apart ring together."""


class Sleeper(Protocol):
    """Whom an alarm wakes."""

    def alarm_at(self, at: float) -> float:
        """Return when the alarm of that time is to ring: then, or later; infinity for never."""
        ...

    def time_is_up(self) -> None:
        """Wake, or set another alarm."""
        ...


class Alarms:
    """The alarms of one event loop. One that was put off is not taken out, but looked at again."""

    __slots__ = ("_at", "_heap", "_is_behind", "_loop", "_numbers", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, Sleeper]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._at = math.inf
        self._is_behind = False
        """Whether the timer is about to be set anew."""

    def now(self) -> float:
        """Return the time of the loop, in seconds."""
        return self._loop.time()

    def set(self, at: float, sleeper: Sleeper) -> None:
        """Wake somebody at a time of the loop."""
        heappush(self._heap, (at, next(self._numbers), sleeper))
        if self._is_behind or at >= self._at:
            return

        if self._timer is None:
            self._at, self._timer = at, self._loop.call_at(at, self._ring)
        else:
            # Once for all that are set in a row.
            self._is_behind = True
            self._loop.call_soon(self._arm)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

        self._timer, self._at, self._is_behind = None, math.inf, False
        while self._heap:
            at, _, sleeper = self._heap[0]
            real = sleeper.alarm_at(at)
            if real == at:
                self._at = at
                self._timer = self._loop.call_at(at, self._ring)
                return

            heappop(self._heap)
            if real < math.inf:
                heappush(self._heap, (real, next(self._numbers), sleeper))

    def _ring(self) -> None:
        now = max(self._loop.time(), self._at) + TOGETHER
        due: list[tuple[float, int, Sleeper]] = []
        while self._heap and self._heap[0][0] <= now:
            due.append(heappop(self._heap))

        self._is_behind = True
        try:
            while due:
                self._wake(*due.pop())
        finally:  # an exit of the user's in between loses nobody
            for one in due:
                heappush(self._heap, one)

            self._arm()

    def _wake(self, at: float, _: int, sleeper: Sleeper) -> None:
        try:
            real = sleeper.alarm_at(at)
            if real == at:
                sleeper.time_is_up()
            elif real < math.inf:
                heappush(self._heap, (real, next(self._numbers), sleeper))
        except Exception as error:  # noqa: BLE001  (one that fails keeps nobody else asleep)
            self._loop.call_exception_handler({"message": "an alarm failed", "exception": error})


_alarms: RunVar[Alarms] = RunVar("_alarms")


def alarms() -> Alarms:
    """Return those of the running loop."""
    try:
        return _alarms.get()
    except LookupError:
        made = Alarms(asyncio.get_running_loop())
        _alarms.set(made)
        return made
