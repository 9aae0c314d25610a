"""Words that have to be said to their end, whoever ends the task or the loop that began them.

To a provider, that a job is to stop; and the end of a paid submit, whose answer names the job. They
run in tasks of their own that the end of an event loop does not cancel but waits for, and so do
those who close connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from ._loops import current_task, listen

Result = TypeVar("Result")

GOODBYE_SECONDS = 7
"""How long those who close connections wait for what is being said: a little more than it takes."""


class _Words:
    """What is being said on one loop."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[Any]] = set()
        self._guard: asyncio.Task[None] | None = None

    def loop_closed(self, loop_id: int) -> None:
        """Forget what can't be said any more."""
        _by_loop.pop(loop_id, None)

    def add(self, task: asyncio.Task[Any]) -> None:
        """Note a task, and see that the loop does not end before it."""
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        if self._guard is None or self._guard.done():
            self._guard = task.get_loop().create_task(self._stay())

    async def _stay(self) -> None:
        """Be a task that `asyncio.run` cancels and waits for, until everything is said."""
        limit = None
        while self.tasks:
            try:
                _, late = await asyncio.wait(self.tasks, timeout=limit)
            except asyncio.CancelledError:
                limit = GOODBYE_SECONDS
            else:
                if limit is not None and late:
                    return


_by_loop: dict[int, _Words] = {}

# Documented for those who make tasks, but underscored: where it is missing, the tasks that nobody
# cancels behind our back are still waited for by the guard and by those who close connections.
_hide = getattr(asyncio, "_unregister_task", None)


def say(words: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
    """Begin to say something on the running loop; whoever awaits the task may leave before its end.

    Args:
        words: What is said; it has a limit of its own.
    """
    loop = asyncio.get_running_loop()
    here = _by_loop.get(id(loop))
    if here is None:
        here = _by_loop[id(loop)] = _Words()
        listen(loop, here)

    task = loop.create_task(words)
    # Whoever cancels all tasks of a loop finds the guard instead.
    if _hide is not None:
        _hide(task)

    here.add(task)
    return task


async def said() -> None:
    """Wait until what is being said on the running loop has been said, or took too long."""
    here = _by_loop.get(id(asyncio.get_running_loop()))
    tasks = set() if here is None else here.tasks - {current_task()}
    if tasks:
        await asyncio.wait(tasks, timeout=GOODBYE_SECONDS)
