"""When thousands of waits end, with one timer of the event loop for all of them.

A timer of asyncio is an object that is compared in Python each time that one is set or runs out.
Where thousands wait, that is most of what their waits cost. Here only the next one is such a timer.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from contextvars import Context
from heapq import heappop, heappush, heapreplace
from typing import Protocol

from ._loops import listen

TOGETHER = 0.0005
"""Seconds; alarms that are no further apart ring together."""
LOST = 1.0
"""Seconds; a timer that is so late has been interrupted, and rings no more."""


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

    __slots__ = ("__weakref__", "_context", "_heap", "_loop", "_numbers", "_promised", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._context = Context()
        """Of nobody: a timer would keep that of the task which happened to set it."""
        self._heap: list[tuple[float, int, Sleeper]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._promised = math.inf
        """When the alarms are looked at next."""

    def now(self) -> float:
        """Return the time of the loop, in seconds."""
        return self._loop.time()

    def set(self, at: float, sleeper: Sleeper) -> None:
        """Wake somebody at a time of the loop."""
        heappush(self._heap, (at, next(self._numbers), sleeper))
        if at >= self._promised and self._loop.time() < self._promised + LOST:
            return

        if self._timer is None:
            self._begin(at)
        else:
            # Once for all that are set in a row.
            self._promised = self._loop.time()
            self._loop.call_soon(self._arm, context=self._context)

    def _begin(self, at: float) -> None:
        self._timer = self._loop.call_at(at, self._ring, context=self._context)
        self._promised = at

    def _arm(self) -> None:
        before = self._timer  # goes on until there is another
        while self._heap:
            at, _, sleeper = self._heap[0]
            real = sleeper.alarm_at(at)
            if real == at:
                self._begin(at)
                break

            if real < math.inf:
                heapreplace(self._heap, (real, next(self._numbers), sleeper))
            else:
                heappop(self._heap)
        else:
            self._timer, self._promised = None, math.inf

        if before is not None:
            before.cancel()

    def _ring(self) -> None:
        # Should an exit of the user's end this, it is done again; who is woken twice does nothing.
        self._timer = self._loop.call_later(LOST, self._ring, context=self._context)
        now = self._loop.time()
        until = max(now, self._promised) + TOGETHER
        due: list[tuple[float, int, Sleeper]] = []
        try:
            self._promised = now
            while self._heap and self._heap[0][0] <= until:
                due.append(self._heap[0])
                heappop(self._heap)

            due.reverse()  # who was due first is woken first
            while due:
                self._wake(due)
        finally:
            while due:
                heappush(self._heap, due[-1])
                due.pop()

            self._arm()

    def _wake(self, due: list[tuple[float, int, Sleeper]]) -> None:
        at, _, sleeper = due[-1]
        real = sleeper.alarm_at(at)
        if at != real < math.inf:
            heappush(self._heap, (real, next(self._numbers), sleeper))

        try:
            if real == at:
                sleeper.time_is_up()
        except Exception as error:  # noqa: BLE001  (one that fails keeps nobody else asleep)
            self._loop.call_exception_handler({"message": "an alarm failed", "exception": error})

        due.pop()

    def loop_closed(self, loop_id: int) -> None:
        """Let go of a loop that is closed, and of all that waited there."""
        _of_loops.pop(loop_id, None)
        self._heap.clear()
        self._timer = None


_of_loops: dict[int, Alarms] = {}


def alarms() -> Alarms:
    """Return those of the running loop."""
    loop = asyncio.get_running_loop()
    made = _of_loops.get(id(loop))
    if made is None:
        made = _of_loops[id(loop)] = Alarms(loop)
        listen(loop, made)

    return made
