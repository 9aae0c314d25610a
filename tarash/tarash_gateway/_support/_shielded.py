"""Shields work from the end of the task that began it, and of its event loop.

Two things go to their end, whoever ends the task or the loop: asking a provider to stop a job,
and a paid submit, whose answer names the job. Each runs in a task of its own, which the end of an
event loop does not cancel but waits for, and so do those who close connections.

And what failed at its time and is tried again for as long as its event loop lives: a bounded list.
Nobody waits for it but those who close: they, and the end of a loop, have it tried a last time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Any, TypeVar

from ._loops import current_task, listen

Result = TypeVar("Result")

SHIELDED_SECONDS = 7
"""How long those who close connections wait for shielded tasks: a little more than they take."""


class _ShieldedTasks:
    """The shielded tasks of one loop."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[Any]] = set()
        self._guard: asyncio.Task[None] | None = None

    def loop_closed(self, loop_id: int) -> None:
        """Forget tasks that can't run any more."""
        _tasks_by_loop.pop(loop_id, None)

    def add(self, task: asyncio.Task[Any]) -> None:
        """Note a task, and see that the loop does not end before it."""
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        if self._guard is None or self._guard.done():
            self._guard = task.get_loop().create_task(self._stay())

    async def _stay(self) -> None:
        """Be a task that `asyncio.run` cancels and waits for, until all tasks are done."""
        limit = None
        while self.tasks:
            try:
                _, late = await asyncio.wait(self.tasks, timeout=limit)
            except asyncio.CancelledError:
                limit = SHIELDED_SECONDS
            else:
                if limit is not None and late:
                    return


_tasks_by_loop: dict[int, _ShieldedTasks] = {}

# Documented for those who make tasks, but underscored: where it is missing, the tasks that nobody
# cancels behind our back are still waited for by the guard and by those who close connections.
_hide = getattr(asyncio, "_unregister_task", None)


def start_shielded(work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
    """Start a task on the running loop that goes on where whoever awaits it is cancelled.

    Args:
        work: What the task does; it has a time limit of its own.
    """
    loop = asyncio.get_running_loop()
    here = _tasks_by_loop.get(id(loop))
    if here is None:
        here = _tasks_by_loop[id(loop)] = _ShieldedTasks()
        listen(loop, here)

    task = loop.create_task(work)
    # Whoever cancels all tasks of a loop finds the guard instead.
    if _hide is not None:
        _hide(task)

    here.add(task)
    return task


async def wait_for_shielded() -> None:
    """Wait until the shielded tasks of the running loop are done, or took too long."""
    here = _tasks_by_loop.get(id(asyncio.get_running_loop()))
    tasks = set() if here is None else here.tasks - {current_task()}
    if tasks:
        await asyncio.wait(tasks, timeout=SHIELDED_SECONDS)


Work = Callable[[], Awaitable[Any]]

LATE_SECONDS = 600.0
"""For so long something is tried again."""
TRY_SECONDS = 5.0
"""One try may take so long."""
LAST_SECONDS = 5.0
"""And so long the last tries of all together, when a loop ends."""
PAUSES = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before each try, and before all that follow."""
MOST = 1000
"""So many may wait for one thing; whatever comes beyond them is given up at once."""


@dataclass(frozen=True, slots=True)
class _Retried:
    work: Work
    give_up: Callable[[str], None]
    until: float


class _RetryList:
    """What waits on one loop for one thing to come back."""

    def __init__(self, place: tuple[int, int], owner: object) -> None:
        self._place = place
        self.owner = owner  # held, so that nothing else gets its identity
        self.waiting: deque[_Retried] = deque()
        self._hurry = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def loop_closed(self, _loop_id: int) -> None:
        """Forget what can't be done any more."""
        _retry_lists.pop(self._place, None)

    def add(self, late: _Retried) -> None:
        """Have one more tried again."""
        if len(self.waiting) >= MOST:
            late.give_up(f"{MOST} others wait for it already")
            return

        self.waiting.append(late)
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._run(), context=Context())

    def hurry(self) -> None:
        """Try now."""
        self._hurry.set()

    async def _run(self) -> None:
        tries = 0
        try:
            while self.waiting:
                await self._pause(PAUSES[min(tries, len(PAUSES) - 1)])
                tries = 0 if await self._round() else tries + 1
        except asyncio.CancelledError:  # the loop ends
            await self._finish()
            raise
        finally:
            _retry_lists.pop(self._place, None)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            return

        self._hurry.clear()

    async def _round(self) -> bool:
        """Try each once, until one takes too long; return whether any came through."""
        came_through = False
        now = asyncio.get_running_loop().time
        for late in list(self.waiting):
            limit = asyncio.timeout(TRY_SECONDS)
            try:
                async with limit:
                    await late.work()
            except Exception as error:  # noqa: BLE001  (the next try may come through)
                self.waiting.remove(late)
                if now() < late.until:
                    self.waiting.append(late)  # behind the others, which it may not hold up
                else:
                    late.give_up(f"{type(error).__name__}: {error}")

                if limit.expired():
                    break
            else:
                self.waiting.remove(late)
                came_through = True

        return came_through

    async def _finish(self) -> None:
        try:
            async with asyncio.timeout(LAST_SECONDS):
                await self._round()
        except TimeoutError:
            pass
        finally:
            while self.waiting:
                self.waiting.popleft().give_up("its event loop has ended")


_retry_lists: dict[tuple[int, int], _RetryList] = {}


def retry_later(owner: object, work: Work, give_up: Callable[[str], None]) -> None:
    """Have something tried again on the running loop.

    Args:
        owner: What it waits for: of each, there is one list.
        work: What is tried; it may be tried again after it came through without our knowledge.
        give_up: Called with the reason where nobody tries it any more.
    """
    loop = asyncio.get_running_loop()
    place = (id(loop), id(owner))
    line = _retry_lists.get(place)
    if line is None:
        line = _retry_lists[place] = _RetryList(place, owner)
        listen(loop, line)

    line.add(_Retried(work, give_up, loop.time() + LATE_SECONDS))


async def wait_for_retries(seconds: float, *, over: object | None = None) -> None:
    """Wait until all has come through that is tried again on the running loop, or so long.

    Args:
        seconds: How long at most.
        over: What is closed now, so that nothing is tried at it any more after that.
    """
    here = id(asyncio.get_running_loop())
    lines = [line for (loop, _), line in list(_retry_lists.items()) if loop == here]
    for line in lines:
        line.hurry()

    tasks = {line.task: line for line in lines if line.task is not None}
    if not tasks:
        return

    _, late = await asyncio.wait(tasks, timeout=seconds)
    if over is not None:
        await _end([task for task in late if tasks[task].owner is over])


async def end_retries() -> None:
    """Try all of the running loop a last time: it ends now, and cancels nothing."""
    here = id(asyncio.get_running_loop())
    lines = [line for (loop, _), line in list(_retry_lists.items()) if loop == here]
    await _end([line.task for line in lines if line.task is not None])


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()

    if tasks:
        await asyncio.wait(tasks)
