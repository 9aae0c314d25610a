"""One timer of the loop for thousands of waits: none is late, none is early, and none is lost."""

from __future__ import annotations

import asyncio
import gc
import math
import random
import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from types import FrameType, ModuleType
from typing import Any

import pytest

from tarash.tarash_gateway._support import _alarms
from tarash.tarash_gateway._support._alarms import TOGETHER, Alarms, alarms
from tarash.tarash_gateway._support._wakeups import Wakeup
from tests.virtual import on_virtual_time


class Wait:
    """A wait that is put off, hurried and cut short, and what it should come to."""

    def __init__(self, rng: random.Random) -> None:
        self.bell = Wakeup()
        self.rng = rng
        self.extra = [rng.uniform(0, 3) for _ in range(rng.randrange(4))]
        """For how many seconds it goes on, each time that its time is up."""
        self.due = math.inf
        self.ended: tuple[float, bool] | None = None

    def more(self) -> float:
        seconds = self.extra.pop() if self.extra else 0.0
        self.due = _now() + seconds
        return seconds

    async def run(self) -> None:
        for _ in range(3):
            seconds = self.rng.uniform(0.01, 5)
            self.due, self.ended = _now() + seconds, None
            was_rung = await self.bell.wait(seconds, self.more)
            self.ended = (_now(), was_rung)
            if not was_rung:
                assert abs(self.ended[0] - self.due) <= 2 * TOGETHER

            await asyncio.sleep(self.rng.choice([0, 0, 0.3]))

    def disturb(self) -> None:
        if not self.bell.is_waiting:
            return

        match self.rng.randrange(4):
            case 0:
                self.bell.ring()
            case 1:
                self.due = _now()
                self.bell.expire()
            case _:
                self.due = _now() + self.rng.uniform(0, 6)
                self.bell.move(self.due)


def _now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("seed", range(5))
def test_waits_that_are_moved_and_cut_short_end_when_they_should(seed: int) -> None:
    rng = random.Random(seed)

    async def play() -> None:
        waits = [Wait(rng) for _ in range(100)]
        tasks = [asyncio.create_task(one.run()) for one in waits]
        for _ in range(400):
            await asyncio.sleep(rng.uniform(0, 0.05))
            rng.choice(waits).disturb()
            if rng.random() < 0.02:
                rng.choice(tasks).cancel()

        await asyncio.wait(tasks, timeout=100)  # of a virtual clock
        assert all(task.done() for task in tasks)
        assert not [task for task in tasks if not task.cancelled() and task.exception()]

    on_virtual_time(play())


class Sleeper:
    def __init__(self, wakes: Callable[[], object]) -> None:
        self.wakes = wakes

    def alarm_at(self, at: float) -> float:
        return at

    def time_is_up(self) -> None:
        self.wakes()


def _fail() -> None:
    raise ValueError("a mistake")


def test_one_that_fails_keeps_nobody_asleep() -> None:
    woken: list[int] = []
    reported: list[dict[str, Any]] = []

    async def play() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reported.append(context))
        for number in range(9):
            wakes = _fail if number % 3 == 0 else partial(woken.append, number)
            alarms().set(_now() + 1, Sleeper(wakes))

        await asyncio.sleep(2)

    on_virtual_time(play())
    assert sorted(woken) == [1, 2, 4, 5, 7, 8]
    assert len(reported) == 3


def test_an_exit_of_the_users_in_an_alarm_loses_no_other() -> None:
    woken: list[int] = []

    async def play() -> None:
        exits = [SystemExit(3)]

        def leave() -> None:
            if exits:
                raise exits.pop()

        made = alarms()
        for number in range(9):
            made.set(_now() + 1, Sleeper(partial(woken.append, number)))
        made.set(_now() + 1, Sleeper(leave))
        try:
            await asyncio.sleep(2)
        except asyncio.CancelledError:  # as a loop that is left cancels what runs on it
            await asyncio.sleep(2)
            raise

    with pytest.raises(SystemExit):
        on_virtual_time(play())

    assert sorted(woken) == list(range(9))


def test_a_wait_whose_owner_fails_to_say_how_it_goes_on_ends() -> None:
    async def play() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)

        def more() -> float:
            raise ValueError("a mistake")

        assert not await Wakeup().wait(1, more)

    on_virtual_time(play())


def test_a_wait_without_an_alarm_is_ended_otherwise() -> None:
    async def play() -> None:
        bell = Wakeup()
        wait = asyncio.create_task(bell.wait(1, lambda: math.inf))
        await asyncio.sleep(5000)
        assert not wait.done()
        bell.move(_now() + 2)
        bell._more = None  # noqa: SLF001  (nobody puts it off any more)
        assert not await wait

    on_virtual_time(play())


async def test_each_loop_has_its_own() -> None:
    here, others = alarms(), list[Alarms]()
    assert alarms() is here

    async def there() -> None:
        bell = Wakeup()
        wait = asyncio.create_task(bell.wait(60))
        assert not await Wakeup().wait(0.01)
        bell.ring()
        assert await wait
        others.append(alarms())

    threads = [threading.Thread(target=lambda: asyncio.run(there())) for _ in range(2)]
    for one in threads:
        one.start()

    assert not await Wakeup().wait(0.01)
    for one in threads:
        await asyncio.to_thread(one.join)

    assert len({id(one) for one in [here, *others]}) == 3


def test_what_was_set_and_left_is_not_kept_for_ever() -> None:
    async def play() -> int:
        for _ in range(1000):
            bell = Wakeup()
            wait = asyncio.create_task(bell.wait(50))
            await asyncio.sleep(0.01)
            bell.ring()
            await wait

        await asyncio.sleep(60)
        return len(alarms()._heap)  # noqa: SLF001

    assert on_virtual_time(play()) <= 1


class Interrupt:
    """Raises `KeyboardInterrupt` at the n-th line that runs in a module, as a signal may.

    The first line of a ring does not count: nothing is there yet that could do it again.
    """

    def __init__(self, module: ModuleType, count: int) -> None:
        self.path, self.left = module.__file__, count
        self._begun: FrameType | None = None

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != self.path:
            return None

        if event == "call":
            self._begun = frame if frame.f_code.co_name == "_ring" else None
        elif event == "line" and self._begun is frame:
            self._begun = None
        elif event == "line":
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt

        return self


MOST_SURE = 20
"""So many lines run whatever rings together."""


@pytest.mark.parametrize("count", range(1, 60))
def test_an_interrupt_at_any_line_loses_nobody(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop may go on afterwards, as a notebook's does."""
    monkeypatch.setattr(_alarms, "LOST", 0.03)
    loop = asyncio.new_event_loop()

    async def begin() -> list[asyncio.Task[bool]]:
        waits = [loop.create_task(Wakeup().wait(0.02 + 0.001 * number)) for number in range(6)]
        await asyncio.sleep(0.002)
        return waits

    async def rest(waits: list[asyncio.Task[bool]]) -> int:
        return len((await asyncio.wait(waits, timeout=30))[1])  # waited for

    try:
        waits = loop.run_until_complete(begin())
        interrupt = Interrupt(_alarms, count)
        sys.settrace(interrupt)
        try:
            loop.run_until_complete(asyncio.sleep(0.05))
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(None)

        assert interrupt.left <= 0 or count > MOST_SURE
        assert loop.run_until_complete(rest(waits)) == 0
    finally:
        loop.close()


def test_a_closed_loop_is_let_go_of_with_all_that_waited() -> None:
    """A timer kept the context of the task that had set it, and the loop for the process's life."""
    kept: ContextVar[object] = ContextVar("kept")
    seen: list[weakref.ref[Any]] = []

    async def wait() -> None:
        mine = Interrupt(_alarms, 0)
        seen.append(weakref.ref(mine))
        kept.set(mine)
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(Wakeup().wait(60), 0.001)

    async def play() -> None:
        seen.append(weakref.ref(asyncio.get_running_loop()))
        await asyncio.create_task(wait())

    for _ in range(5):
        asyncio.run(play())

    gc.collect()
    assert [one for one in seen if one() is not None] == []


def test_who_was_due_first_is_woken_first() -> None:
    woken: list[int] = []

    async def play() -> None:
        for number in (2, 0, 3, 1):
            at = _now() + 1 + number * TOGETHER / 8
            alarms().set(at, Sleeper(partial(woken.append, number)))

        await asyncio.sleep(2)

    on_virtual_time(play())
    assert woken == [0, 1, 2, 3]
