"""One heartbeat for all jobs of a loop and a ledger: it forgets none, and none waits for it."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from tarash.tarash_gateway import StorageError
from tarash.tarash_gateway._engine import Lease, kept_alive
from tarash.tarash_gateway.ledger import MemoryLedger
from tests.conftest import until

BOUND: ContextVar[str] = ContextVar("BOUND", default="nobody's")


class Beaten(MemoryLedger):
    """Counts how often it hears that its holders are alive."""

    def __init__(self, renewing: Callable[[], Any] = lambda: None) -> None:
        super().__init__()
        self.lease_seconds = 0.03
        self.beats = 0
        self.bound: set[str] = set()
        self.loops: set[int] = set()
        self._renewing = renewing

    async def renew(self) -> None:
        self.beats += 1
        self.bound.add(BOUND.get())
        self.loops.add(id(asyncio.get_running_loop()))
        made = self._renewing()
        if made is not None:
            await made


class Held:
    """A job that somebody drives."""

    def __init__(self, ledger: Any, name: str = "job") -> None:
        self.lease = Lease(ledger, name, f"holder of {name}")
        self.is_behind = False
        self.written: list[str] = []

    async def write_again(self) -> None:
        self.is_behind = False
        self.written.append(BOUND.get())


def beating() -> list[asyncio.Task[Any]]:
    """Return the tasks of the running loop that beat."""
    names = [(one, cast("Any", one.get_coro()).__qualname__) for one in asyncio.all_tasks()]
    return [one for one, name in names if name.endswith("_Heart._go_on")]


async def test_a_thousand_jobs_have_one_heartbeat_and_each_hears_of_it() -> None:
    ledger = Beaten()
    jobs = [Held(ledger, str(number)) for number in range(1000)]
    kept = [kept_alive(one) for one in jobs]
    for one in kept:
        await one.__aenter__()

    assert len(asyncio.all_tasks()) == 1 + len(beating()) == 2
    await until(lambda: ledger.beats > 1)
    assert all(one.lease.heard_of for one in jobs)
    for one in kept[1:]:
        await one.__aexit__(None, None, None)

    beats = ledger.beats
    await until(lambda: ledger.beats > beats + 1)  # for the one that is left
    await kept[0].__aexit__(None, None, None)
    assert not beating()


async def test_each_ledger_and_each_loop_has_its_own() -> None:
    first, second = Beaten(), Beaten()

    async def both() -> None:
        async with kept_alive(Held(first)), kept_alive(Held(second)):
            loop = id(asyncio.get_running_loop())
            assert len(beating()) == 2
            await until(lambda: loop in first.loops & second.loops)

        assert not beating()

    thread = threading.Thread(target=asyncio.run, args=(both(),))
    thread.start()
    await both()
    await asyncio.to_thread(thread.join)
    assert len(first.loops) == 2


async def test_a_ledger_that_fails_is_asked_again_sooner_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> None:
        raise StorageError("the disk is full")

    ledger = Beaten(fail)
    jobs = [Held(ledger, str(number)) for number in range(50)]
    with caplog.at_level(logging.ERROR):
        async with kept_alive(jobs[0]), kept_alive(jobs[1]):
            await until(lambda: ledger.beats > 3)

    told = [vars(one) for one in caplog.records if vars(one)["event"] == "ledger_failed"]
    assert len(told) <= ledger.beats
    assert {one["jobs"] for one in told} == {2}
    assert not jobs[0].lease.heard_of  # so that it counts as late in time


async def test_a_lease_that_was_late_is_not_called_alive_by_a_later_beat() -> None:
    ledger = Beaten()
    late, other = Held(ledger, "late"), Held(ledger, "other")
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    late.lease.confirm_alive(long_ago)
    async with kept_alive(late), kept_alive(other):
        await until(lambda: ledger.beats > 2)

    assert late.lease.heard_of == [long_ago]
    assert late.lease.is_late()
    assert not other.lease.is_late()


async def test_what_a_job_lacks_is_written_beside_a_job_whose_writing_hangs() -> None:
    ledger = Beaten()
    stuck, other = Held(ledger, "stuck"), Held(ledger, "other")
    done: list[str] = []

    async def hang() -> None:
        await asyncio.Event().wait()

    async def write() -> None:
        done.append("written")

    async with kept_alive(stuck), kept_alive(other):
        stuck.lease.unwritten.append(hang)
        stuck.is_behind = True
        beats = ledger.beats
        await until(lambda: ledger.beats > beats + 2)
        other.lease.unwritten.append(write)
        other.is_behind = True
        await until(lambda: done == ["written"])
        beats = ledger.beats
        await until(lambda: ledger.beats > beats + 1)  # it goes on

    assert stuck.lease.unwritten == [hang]
    assert len(asyncio.all_tasks()) == 1  # nothing is left behind


async def test_the_log_of_all_has_no_jobs_facts_and_the_writing_of_one_has_its_own() -> None:
    ledger = Beaten()
    first, second = Held(ledger, "first"), Held(ledger, "second")
    BOUND.set("of the first")
    async with kept_alive(first):
        BOUND.set("of the second")
        async with kept_alive(second):
            BOUND.set("later")
            first.is_behind = second.is_behind = True
            await until(lambda: bool(first.written and second.written))

    assert ledger.bound == {"nobody's"}
    assert (first.written, second.written) == (["of the first"], ["of the second"])


async def test_a_job_that_ends_waits_for_no_beat_but_the_last_one_does() -> None:
    over = asyncio.Event()

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            over.set()

    ledger = Beaten(slow)
    async with kept_alive(Held(ledger, "last")):
        async with kept_alive(Held(ledger, "first")):
            await until(lambda: ledger.beats == 1)

        assert not over.is_set()

    assert over.is_set()


async def test_a_wait_that_is_cancelled_at_its_end_leaves_no_beat_behind() -> None:
    let_go = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await let_go.wait()  # as a thread, which can't be cancelled

    ledger = Beaten(stubborn)

    async def drive() -> None:
        async with kept_alive(Held(ledger)):
            await until(lambda: ledger.beats == 1)

    task = asyncio.create_task(drive())
    await until(lambda: ledger.beats == 1)
    for _ in range(3):
        await asyncio.sleep(0.01)
        task.cancel()

    assert not task.done()
    let_go.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not beating()


async def test_a_job_that_begins_while_the_last_one_ends_has_a_heartbeat() -> None:
    hangs = asyncio.Event()

    async def slow() -> None:
        if not hangs.is_set():
            hangs.set()
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0.05)

    ledger = Beaten(slow)

    async def first() -> None:
        async with kept_alive(Held(ledger, "first")):
            await hangs.wait()

    task = asyncio.create_task(first())
    await hangs.wait()
    await asyncio.sleep(0)
    async with kept_alive(Held(ledger, "second")):
        await task
        beats = ledger.beats
        await until(lambda: ledger.beats > beats + 1)

    assert not beating()


async def test_a_heartbeat_that_somebody_has_cancelled_begins_again_with_the_next_job() -> None:
    ledger = Beaten()
    async with kept_alive(Held(ledger, "first")):
        (one,) = beating()
        one.cancel()
        await asyncio.wait([one])
        async with kept_alive(Held(ledger, "second")):
            beats = ledger.beats
            await until(lambda: ledger.beats > beats + 1)


def test_a_loop_that_is_closed_in_the_middle_leaves_nothing_that_beats() -> None:
    ledger = Beaten()
    loop = asyncio.new_event_loop()

    async def drive() -> None:
        async with kept_alive(Held(ledger)):
            await asyncio.Event().wait()

    task = loop.create_task(drive())
    loop.run_until_complete(asyncio.sleep(0.05))
    loop.close()
    del task  # asyncio says that it was pending: so it was
    gc.collect()
    beats = ledger.beats
    asyncio.run(asyncio.sleep(0.05))
    assert ledger.beats == beats > 0
