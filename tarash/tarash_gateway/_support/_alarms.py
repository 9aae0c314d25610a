"""When thousands of waits end, with one timer of the event loop for all of them.

A timer of asyncio is an object that is compared in Python each time that one is set or runs out.
Where thousands wait, that is most of what their waits cost. Here the next one alone is such a timer.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from heapq import heappop, heappush
from typing import Protocol

from anyio.lowlevel import RunVar


class Sleeper(Protocol):
    """Whom an alarm wakes."""

    def time_is_up(self, at: float) -> None:
        """Wake, if the alarm of that time still counts; set another one, else."""
        ...


class Alarms:
    """The alarms of one event loop. One that counts no more rings all the same, once."""

    __slots__ = ("_at", "_heap", "_is_ringing", "_loop", "_numbers", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, Sleeper]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._at = math.inf
        self._is_ringing = False

    def now(self) -> float:
        """Return the time of the loop, in seconds."""
        return self._loop.time()

    def set(self, at: float, sleeper: Sleeper) -> None:
        """Wake somebody at a time of the loop."""
        heappush(self._heap, (at, next(self._numbers), sleeper))
        if at < self._at and not self._is_ringing:
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

        self._at = self._heap[0][0]
        self._timer = self._loop.call_at(self._at, self._ring)

    def _ring(self) -> None:
        # A loop may be early, by less than its clock can tell.
        now = max(self._loop.time(), self._at)
        due: list[tuple[float, Sleeper]] = []
        while self._heap and self._heap[0][0] <= now:
            at, _, sleeper = heappop(self._heap)
            due.append((at, sleeper))

        self._timer, self._at, self._is_ringing = None, math.inf, True
        try:
            while due:
                at, sleeper = due.pop()
                self._wake(sleeper, at)
        finally:  # an exit of the user's in between loses nobody
            self._is_ringing = False
            for at, sleeper in due:
                heappush(self._heap, (at, next(self._numbers), sleeper))

            if self._heap:
                self._arm()

    def _wake(self, sleeper: Sleeper, at: float) -> None:
        try:
            sleeper.time_is_up(at)
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
