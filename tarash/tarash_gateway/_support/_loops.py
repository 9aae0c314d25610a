"""What is tied to the life of an event loop: called when it is closed, and taking turns on it.

A loop that `asyncio.run` ends says so to its asynchronous generators. One that is closed by hand
says nothing to anybody, but it forgets its timers: so a timer holds what is to be called.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from typing import Any, Protocol

from anyio.lowlevel import RunVar

DAY = 24 * 60 * 60


class Listener(Protocol):
    """Who wants to hear that a loop is closed; held weakly."""

    def loop_closed(self, loop_id: int) -> None:
        """Hear that the loop with this `id` is closed, in the thread that closes it."""
        ...


class _Thread:
    """Hangs on a loop's timer alone, and is cut with it."""

    __slots__ = ("__weakref__",)


_listening: dict[int, weakref.WeakSet[Any]] = {}


def listen(loop: asyncio.AbstractEventLoop, listener: Listener) -> None:
    """Have something called when a loop is closed; to be called on the loop."""
    listeners = _listening.get(id(loop))
    if listeners is None:
        listeners = _listening[id(loop)] = weakref.WeakSet()
        thread = _Thread()
        # At exit there are others who see to what is left.
        weakref.finalize(thread, _closed, id(loop)).atexit = False
        _hang(loop, thread)

    listeners.add(listener)


def _hang(loop: asyncio.AbstractEventLoop, thread: _Thread) -> None:
    loop.call_later(DAY, _hang, loop, thread)


def _closed(loop_id: int) -> None:
    for listener in list(_listening.pop(loop_id, ())):
        listener.loop_closed(loop_id)


def current_task() -> asyncio.Task[Any] | None:
    """Return the running task; None also where no loop runs, as in what is thrown away."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def current_time() -> float:
    """Return the running loop's time: that of anyio's limits, by a tenth of anyio's calls."""
    return asyncio.get_running_loop().time()


AT_ONCE = 16
"""So many begin before the event loop sees to its connections again."""


class _Turns:
    """Who begins next on one event loop."""

    def __init__(self) -> None:
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Return when it is the caller's turn: at once, unless many begin in this moment."""
        loop = asyncio.get_running_loop()
        if not self._taken:
            loop.call_soon(self._go_on)

        if self._taken < AT_ONCE:
            self._taken += 1
            return

        mine = loop.create_future()
        self._waiting.append(mine)
        await mine

    def _go_on(self) -> None:
        """Let the next ones begin; called once in each round of the loop while there are any."""
        self._taken = 0
        while self._waiting and self._taken < AT_ONCE:
            following = self._waiting.popleft()
            if not following.done():  # else it was cancelled meanwhile
                following.set_result(None)
                self._taken += 1

        if self._taken:
            asyncio.get_running_loop().call_soon(self._go_on)


_turns: RunVar[_Turns] = RunVar("_turns")


async def turn() -> None:
    """Wait for the turn to begin a call on the running loop; in the order of asking."""
    try:
        turns = _turns.get()
    except LookupError:
        turns = _Turns()
        _turns.set(turns)

    await turns.take()
