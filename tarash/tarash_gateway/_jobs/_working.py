"""A worker: drives the jobs of a ledger's queue to their ends, many at a time, on one event loop.

A job that is driven is in the hands of this process by the ledger's lease. Where the process dies,
its jobs stay in the queue, and whoever comes next goes on with them; nothing is sent again.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from .._support._ids import generate_unique_id
from .._support._logging import event
from .._support._secrets import Keys
from .._support._warnings import nobody_asks
from ..exceptions import TarashException, ValidationError
from ._handles import handle_for
from ._queue import PAGE, QUEUE, WORKERS, drop, due_tasks, keeps_state

if TYPE_CHECKING:
    from .._data._types import ApiKeys
    from .._engine import EngineContext, Lease
    from ..ledger._contract import DueTask, StateLedger
    from ._job import Job
    from ._resources import GatewayContext

PAUSE_SECONDS = 1.0
"""Between two readings of the queue."""
HEARD_SECONDS = 10.0
"""Between two where the ledger says that something was enqueued, at most."""
THERE_SECONDS = 60.0
"""How long a worker's word that it is there holds; it says so three times as often."""
RETRY_SECONDS = (5.0, 300.0)
"""Before a job that is still open is driven again: at first, and at most."""
GRACE_SECONDS = 20.0
AT_ONCE = 8
"""Jobs that are read at a time: so they come one behind the other to their submits, and thousands
are not all at their beginnings, which takes more memory than waiting does.
"""
SMALLEST_PAGE = 100
"""Tasks that are read at once at least: the queue is not read for each job that ends."""


def quiet_seconds(lease: float) -> float:
    """Return the seconds between two readings where the ledger says that something was enqueued.

    Nobody says that a worker has died: its jobs are taken over within two leases.
    """
    return max(PAUSE_SECONDS, min(HEARD_SECONDS, lease / 3))


class Worker:
    """Works the queue of one gateway's ledger, until it is stopped."""

    def __init__(
        self,
        shared: GatewayContext,
        resources: EngineContext,
        concurrency: int,
        grace: float,
        api_keys: ApiKeys | None,
    ) -> None:
        """Check what is asked for.

        Raises:
            ValidationError: The concurrency is none, or the ledger keeps no queue.
        """
        if not isinstance(concurrency, int) or isinstance(concurrency, bool) or concurrency < 1:
            raise ValidationError(
                "concurrency is the number of jobs that are driven at a time: 1 or more",
                field="concurrency",
            )

        if not keeps_state(resources.ledger):
            raise ValidationError(
                f"{type(resources.ledger).__name__} keeps no small states (keeps_state), so there "
                "is no queue in it; use a file or PostgreSQL"
            )

        self._shared = shared
        self._resources = resources
        self._ledger = cast("StateLedger", resources.ledger)
        self._concurrency = concurrency
        self._grace = grace
        self._keys = Keys.taken(api_keys)
        self._name = generate_unique_id()
        self._quiet_seconds = quiet_seconds(resources.ledger.lease_seconds)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._later: dict[str, tuple[float, float]] = {}
        """Of jobs that are to be tried again: when, and after which pause the time after that."""
        self._left: dict[str, list[Lease]] = {}
        """In whose hands jobs are here that are to be tried again, as far as the ledger knows."""
        self._is_stopping = False
        self._said = 0.0
        self._found: deque[str] = deque()
        """What was due when the queue was read, and has not been taken up since."""
        self._is_whole = True
        """Whether that was all that was due."""
        self._read_at = 0.0
        self._next_at = math.inf
        """When more is due; as `time.monotonic`."""
        self._goes_on = False
        """Whether there is more to take up at once."""
        self._reading = asyncio.Semaphore(AT_ONCE)
        self._woken = asyncio.Event()
        """Set when there may be something to do: a job has ended, or something was enqueued."""
        self._hears: asyncio.Task[None] | None = None
        self._has_heard = True
        """Whether something was enqueued since the queue was read, or may have been."""

    def stop(self) -> None:
        """Take nothing more up; what is under way may go on for the grace."""
        self._is_stopping = True
        self._woken.set()

    async def run(self, *, until_empty: bool = False) -> None:
        """Work until `stop`, or until nothing is due any more and nothing is under way."""
        try:
            while not self._is_stopping:
                is_idle = await self._take_due()
                if until_empty and is_idle:
                    return

                if not self._goes_on:
                    await self._pause()
        finally:
            await self._leave()

    async def _take_due(self) -> bool:
        """Take up what is due, so many at a time; return whether there is nothing to do.

        Between them it says that it is there, and hears of what is more urgent.
        """
        self._goes_on = False
        if self._hears is not None and self._hears.done():
            await asyncio.gather(self._hears, return_exceptions=True)
            self._hears, self._has_heard = None, True

        try:
            await self._announce()
            if len(self._running) >= self._concurrency:
                return False

            if self._is_stale():
                await self._read()

            begun = 0
            while self._has_room() and begun < SMALLEST_PAGE:
                self._begin(self._found.popleft())
                begun += 1

            self._goes_on = self._has_room()
        except TarashException as error:
            # The ledger may be away; what is under way goes on meanwhile.
            event(logging.ERROR, "queue_unreadable", error=error.message)
            return False

        return not self._running

    def _has_room(self) -> bool:
        """Tell whether there is one more to take up, and room for it."""
        has_place = len(self._running) < self._concurrency
        return bool(self._found) and has_place and not self._is_stopping

    def _is_stale(self) -> bool:
        """Tell whether the queue is to be read: not whenever a job has ended, of thousands."""
        if self._has_heard or not (self._running or self._found):
            return True

        if not (self._found or self._is_whole):
            return True

        now = time.monotonic()
        return self._next_at <= now or now - self._read_at >= self._quiet_seconds

    async def _announce(self) -> None:
        if time.monotonic() - self._said < THERE_SECONDS / 3 and self._said:
            return

        until = datetime.now(UTC) + timedelta(seconds=THERE_SECONDS)
        await self._ledger.write_state(WORKERS, self._name, {}, until=until)
        self._said = time.monotonic()

    async def _read(self) -> None:
        self._listening()  # before the reading: what comes meanwhile is heard
        await self._let_go(one for one in self._left if self._takes(one))
        here = time.monotonic()
        wanted = min(max(self._concurrency - len(self._running), SMALLEST_PAGE), PAGE)
        names_taken: list[str] = []
        after: DueTask | None = None
        while True:
            page = await due_tasks(self._ledger, wanted, after)
            names = [task.job_id for task in page.tasks]
            names_taken += [one for one in names if self._takes(one) and one not in self._left]
            if after is None:
                self._next_at = math.inf if page.next_in is None else here + page.next_in

            is_whole = len(page.tasks) < wanted
            if is_whole or len(names_taken) >= wanted:
                break

            after = page.tasks[-1]

        # One that was not driven again though its pause was long over is another worker's by now.
        old = here - RETRY_SECONDS[1]
        self._later = {name: value for name, value in self._later.items() if value[0] > old}
        self._found, self._is_whole = deque(names_taken), is_whole
        self._read_at, self._has_heard = here, False

    def _takes(self, job_id: str) -> bool:
        """Tell whether a job is not under way here, and not put off."""
        pause_until = self._later.get(job_id, (0.0, 0.0))[0]
        return job_id not in self._running and pause_until <= time.monotonic()

    async def _let_go(self, job_ids: Iterable[str]) -> None:
        """Write down what was heard of jobs that were put off while the ledger was away."""
        for job_id in list(job_ids):
            for lease in list(self._left[job_id]):
                if not await lease.let_go():
                    self._left[job_id] = self._left.pop(job_id)  # the others first, the next time
                    return

                self._left[job_id].remove(lease)

            del self._left[job_id]

    def _begin(self, job_id: str) -> None:
        task = asyncio.create_task(self._drive(job_id))
        self._running[job_id] = task
        task.add_done_callback(partial(self._ended, job_id))

    def _ended(self, job_id: str, _task: asyncio.Task[None]) -> None:
        self._running.pop(job_id, None)
        self._woken.set()  # whoever ends makes room for the next at once

    def _is_young(self, job_id: str) -> bool:
        """Tell whether a task without a job was not seen before, and put it off."""
        is_new = job_id not in self._later
        self._later[job_id] = (time.monotonic() + THERE_SECONDS, RETRY_SECONDS[0])
        return is_new

    async def _taken_up(self, job_id: str) -> Job | None:
        """Return a job that is to be driven; None where it has ended, or somebody drives it."""
        from ._job import Job
        from ._opening import rebuilt

        record = await self._ledger.get(job_id)
        if record is None or record.state != "open":
            # One whose job is just being written down is seen again in a moment, or harms nobody.
            if record is not None or not self._is_young(job_id):
                await drop(self._ledger, job_id)

            return None

        if record.held:
            self._leave_to_others(job_id)
            return None

        run = await rebuilt(record, self._resources, self._keys)
        return Job(run, works=True, seen=record)

    def _leave_to_others(self, job_id: str) -> None:
        """Look at a job that somebody drives when the queue is read the time after."""
        pause = self._later.get(job_id, (0.0, RETRY_SECONDS[0]))[1]
        self._later[job_id] = (time.monotonic() + self._quiet_seconds / 2, pause)

    async def _drive(self, job_id: str) -> None:
        job: Job | None = None
        try:
            async with self._reading:
                job = None if self._is_stopping else await self._taken_up(job_id)

            if job is None:
                return

            with suppress(TarashException), nobody_asks():  # it is in the ledger, and in the log
                await handle_for(job, self._shared).wait_async()

            if job.is_others:
                self._leave_to_others(job_id)
            else:
                await self._conclude(job_id, job)
        except asyncio.CancelledError:
            self._hold_on(job_id, job)
            raise
        except Exception as error:  # noqa: BLE001  (whatever it is, the others go on)
            self._put_off(job_id, job)
            failure = f"{type(error).__name__}: {error}"
            event(logging.ERROR, "job_put_off", job_id=job_id, error=failure)

    async def _conclude(self, job_id: str, job: Job) -> None:
        record = await self._ledger.get(job_id)
        if record is None or record.state != "open":
            self._later.pop(job_id, None)
            await drop(self._ledger, job_id)
        else:
            self._put_off(job_id, job)

    def _put_off(self, job_id: str, job: Job | None) -> None:
        self._hold_on(job_id, job)
        first, longest = RETRY_SECONDS
        pause = self._later.get(job_id, (0.0, first))[1]
        self._later[job_id] = (time.monotonic() + pause, min(pause * 2, longest))

    def _hold_on(self, job_id: str, job: Job | None) -> None:
        """Keep what the ledger may not know yet of a job that is put off, or left."""
        leases = () if job is None else (job.run.lease, job.untaken)
        held = [lease for lease in leases if lease is not None and lease.owner_id]
        if held:
            self._left[job_id] = self._left.get(job_id, []) + held

    async def _pause(self) -> None:
        """Wait until there may be something to do: thousands of jobs are not looked at for that."""
        self._listening()
        seconds = self._quiet_seconds
        if len(self._running) < self._concurrency:
            seconds = min(seconds, max(0.05, self._next_at - time.monotonic()))

        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()

        self._woken.clear()

    def _listening(self) -> None:
        if self._hears is None:
            self._hears = asyncio.create_task(self._hear())
            self._hears.add_done_callback(lambda _: self._woken.set())

    async def _hear(self) -> None:
        """Wait until something was enqueued, as far as the ledger says so, or for a pause."""
        hear: Any = getattr(self._ledger, "until_changed", None)
        if hear is None:
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            await hear(QUEUE, self._quiet_seconds, PAUSE_SECONDS)

    async def _leave(self) -> None:
        """Finish what is nearly done, and let go of the rest: others go on with it at once."""
        running = set(self._running.values())
        try:
            if self._hears is not None:
                self._hears.cancel()
                await asyncio.gather(self._hears, return_exceptions=True)

            if running:
                _, running = await asyncio.wait(running, timeout=self._grace)
        finally:
            for task in running:
                task.cancel()

            await asyncio.gather(*running, return_exceptions=True)
            with suppress(TarashException):
                await self._let_go(self._left)
                await self._ledger.write_state(WORKERS, self._name, None)


async def working(  # noqa: PLR0913  (each by its name)
    shared: GatewayContext,
    resources: EngineContext,
    *,
    concurrency: int,
    grace: float,
    api_keys: ApiKeys | None,
    until_empty: bool,
) -> None:
    """Run a worker until it is cancelled; once more cuts its grace short. As `Gateway.work_async`.

    Raises:
        CancelledError: It was cancelled, and has let go of everything.
    """
    worker = Worker(shared, resources, concurrency, grace, api_keys)
    work = asyncio.create_task(worker.run(until_empty=until_empty))
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        worker.stop()
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

        raise
