"""Nudges: waits that are cut short by whoever hears first that a job has come further.

A nudge is addressed by provider and operation id, and says nothing but "ask now": whoever waits
asks the provider, and believes that. One that is lost costs nothing: every wait ends by itself.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

from ._alarms import Alarms, alarms

Address = tuple[str, str]
"""A provider's name, and its id of a job."""
KEPT_SECONDS = 60
"""A nudge may come before the answer to the submit, and is kept so long for whoever waits then."""
MOST_KEPT = 32_768


class Wakeup:
    """Cuts a wait short. As small as can be: thousands of jobs wait with one each."""

    __slots__ = ("_alarms", "_more", "_set_for", "_until", "_waiting", "is_nudged")

    def __init__(self) -> None:
        self._alarms: Alarms | None = None
        self._waiting: asyncio.Future[bool] | None = None
        self._more: Callable[[], float] | None = None
        self._until = self._set_for = math.inf
        self.is_nudged = False
        """Whether a nudge came that nobody has acted on: no wait begins before somebody has."""

    @property
    def is_waiting(self) -> bool:
        """Whether a wait is under way that nothing has ended yet."""
        return self._waiting is not None and not self._waiting.done()

    def ring(self) -> None:
        """End the wait that is under way, if any."""
        self._end(rung=True)

    def nudge(self) -> None:
        """End the wait that is under way, else the next one."""
        self.is_nudged = True
        self.ring()

    def expire(self) -> None:
        """End the wait that is under way, if any, as if its time was up."""
        self._end(rung=False)

    def move(self, at: float) -> None:
        """Let the time of the wait that is under way, if any, be up at a time of the loop."""
        if self.is_waiting:
            self._set(at)

    async def wait(self, seconds: float, more: Callable[[], float] | None = None) -> bool:
        """Wait; return whether it was cut short.

        Args:
            seconds: How long.
            more: Asked when that time is up: for how many seconds the wait goes on; 0 for none,
                infinity where it is ended otherwise. So what puts a wait off wakes nobody.
        """
        if self.is_nudged:
            return True

        if seconds <= 0:
            seconds = 0.0 if more is None else more()
            if seconds <= 0:
                return False

        if self._alarms is None:
            self._alarms = alarms()

        self._more = more
        self._waiting = asyncio.get_running_loop().create_future()
        self._set(self._alarms.now() + seconds)
        try:
            return await self._waiting
        finally:
            self._waiting = self._more = None

    def alarm_at(self, at: float) -> float:
        """Return when an alarm is to ring that was set for a time; infinity for never."""
        if at != self._set_for:
            return math.inf  # an earlier one was set after it

        waiting = self._waiting
        is_over = waiting is None or waiting.done()
        self._set_for = math.inf if is_over else max(at, self._until)
        return self._set_for

    def time_is_up(self) -> None:
        """End the wait, unless there is more time."""
        self._set_for = math.inf
        left = 0.0
        try:
            left = 0.0 if self._more is None else self._more()
        finally:  # a wait that nothing ends would be a job that nobody polls
            if left > 0 and self._alarms is not None:
                self._set(self._alarms.now() + left)
            else:
                self._end(rung=False)

    def _set(self, until: float) -> None:
        self._until = until
        # An earlier alarm is left as it is, and put off then.
        if until < self._set_for and self._alarms is not None:
            self._set_for = until
            self._alarms.set(until, self)

    def _end(self, *, rung: bool) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(rung)


Entry = tuple[asyncio.AbstractEventLoop, Wakeup]
"""A wakeup, and the loop on which it waits."""


class Wakeups:
    """Who waits for which job, on whatever loop. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[Address, list[Entry]] = {}
        self._unheard: OrderedDict[Address, float] = OrderedDict()

    def at(self, provider: str, operation_id: str, wakeup: Wakeup) -> AbstractContextManager[None]:
        """Let nudges for a job reach a wakeup of the running loop meanwhile."""
        return _Place(self, (provider, operation_id), wakeup)

    def begin(self, address: Address, entry: Entry) -> None:
        """Let nudges for an address reach one more wakeup."""
        with self._lock:
            self._waiting.setdefault(address, []).append(entry)
            came_at = self._unheard.pop(address, None)

        if came_at is not None and self._clock() - came_at <= KEPT_SECONDS:
            entry[1].nudge()

    def end(self, address: Address, entry: Entry) -> None:
        """Let them reach it no more."""
        with self._lock:
            self._waiting[address].remove(entry)
            if not self._waiting[address]:
                del self._waiting[address]

    def nudge(self, provider: str, operation_id: str) -> bool:
        """Let whoever waits for a job ask for it now; return whether somebody waits.

        A nudge that nobody waits for is kept for a moment: its job's wait may be about to begin.
        """
        address = (provider, operation_id)
        with self._lock:
            waiting = list(self._waiting.get(address, ()))
            if not waiting:
                self._unheard[address] = self._clock()
                self._unheard.move_to_end(address)
                if len(self._unheard) > MOST_KEPT:
                    self._unheard.popitem(last=False)

        for loop, wakeup in waiting:
            with suppress(RuntimeError):  # the loop is closed, and nobody waits on it
                loop.call_soon_threadsafe(wakeup.nudge)

        return bool(waiting)


class _Place:
    """Where a wakeup waits; as small as can be, as the wakeup itself."""

    __slots__ = ("_address", "_entry", "_wakeups")

    def __init__(self, wakeups: Wakeups, address: Address, wakeup: Wakeup) -> None:
        self._wakeups = wakeups
        self._address = address
        self._entry = (asyncio.get_running_loop(), wakeup)

    def __enter__(self) -> None:
        self._wakeups.begin(self._address, self._entry)

    def __exit__(self, *_: object) -> None:
        self._wakeups.end(self._address, self._entry)
