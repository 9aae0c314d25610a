"""What is tied to the life of an event loop: called when a loop is closed, by whomever.

A loop that `asyncio.run` ends says so to its asynchronous generators. One that is closed by hand
says nothing to anybody, but it forgets its timers: so a timer holds what is to be called.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import Any, Protocol

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
