"""The calls under way in this process, and what becomes of those whose event loop ends before them.

A loop may be stopped and closed, a coroutine thrown away, a process ended while a loop stands
still: nothing can be awaited there any more. What is left to do for the call is done on the
background loop, or at exit on a loop made for it.
"""

from __future__ import annotations

import asyncio
import atexit
import os
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from . import _portal
from ._loops import current_task, listen
from ._shielded import SHIELDED_SECONDS, end_retries, start_shielded, wait_for_shielded

Leave = Callable[[], Coroutine[Any, Any, None]]

_calls: WeakSet[UnderWay] = WeakSet()
_leaving: set[Future[None]] = set()
_exit: list[Callable[[], None]] = []


class UnderWay:
    """One call on its way on the running loop, held by the coroutine that makes it."""

    __slots__ = ("__weakref__", "_is_over", "_leave", "loop", "task")

    def __init__(self, leave: Leave) -> None:
        """Note a call.

        Args:
            leave: Concludes it where its own loop can't any more; run on another one.
        """
        self.loop = asyncio.get_running_loop()
        self.task = asyncio.current_task()
        self._leave = leave
        self._is_over = False
        _calls.add(self)
        listen(self.loop, self)
        if not _exit:
            _exit.append(_at_exit)
            atexit.register(_at_exit)

    @property
    def is_torn_down(self) -> bool:
        """Whether the coroutine is being thrown away: it may do nothing that waits."""
        return current_task() is not self.task

    def __enter__(self) -> None:
        """Begin; the `with` statement holds this."""

    def __exit__(self, *_: object) -> None:
        """Note that the call has ended, or that it is thrown away and left to others."""
        if not self.is_torn_down:
            self._is_over = True
            return

        self.abandon()
        # Not what the clean-up stumbled over, where there is no loop to clean up on.
        raise GeneratorExit from None

    def abandon(self) -> None:
        """Have the call concluded elsewhere, unless it has ended."""
        leave = self.take()
        if leave is not None:
            _conclude(leave)

    def loop_closed(self, _loop_id: int) -> None:
        """Have the call concluded elsewhere, since its loop is closed."""
        self.abandon()

    def take(self) -> Leave | None:
        """Return what concludes the call, once; None for one that has ended."""
        if self._is_over:
            return None

        self._is_over = True
        return self._leave

    def __del__(self) -> None:
        # The coroutine was thrown away without a word.
        self.abandon()


def _conclude(leave: Leave) -> None:
    try:
        loop = _portal.loop()
    except RuntimeError:  # the interpreter ends, and starts no thread any more
        _conclude_here([leave])
        return

    future = asyncio.run_coroutine_threadsafe(_shielded(leave), loop)
    _leaving.add(future)
    future.add_done_callback(_leaving.discard)


async def _shielded(leave: Leave) -> None:
    await asyncio.wait([start_shielded(leave())])


def _conclude_here(left: list[Leave]) -> None:
    loop = asyncio.new_event_loop()

    async def conclude() -> None:
        for leave in left:
            start_shielded(leave())

        await wait_for_shielded()
        await end_retries()

    try:
        with suppress(RuntimeError):  # another loop runs in this thread, which is on its way out
            loop.run_until_complete(conclude())
            loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


def _at_exit() -> None:
    """Conclude the calls on loops that stand still, and stop those on loops of other threads."""
    wait_for(set(_leaving), SHIELDED_SECONDS)
    left: list[Leave] = []
    running: list[Future[None]] = []
    for call in list(_calls):
        if call.loop is _portal.running():  # which stops its own
            continue

        if call.loop.is_running() and call.task is not None:
            with suppress(RuntimeError):  # it has been closed this moment
                running.append(asyncio.run_coroutine_threadsafe(_stopped(call.task), call.loop))
        elif (leave := call.take()) is not None:
            left.append(leave)

    if left:
        _conclude_here(left)

    wait_for(running, SHIELDED_SECONDS)


def _forget() -> None:
    """Leave the calls of the parent to the parent: this child has only their images."""
    for call in list(_calls):
        call.take()

    _leaving.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


async def _stopped(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait([task])
