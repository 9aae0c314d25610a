"""The ledger over a store that blocks: each call is one of the store's, in a thread.

For any event loop. What the calls promise stands in `_protocol` and `_contract`.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar, TypeVarTuple

import anyio
from anyio import to_thread
from anyio.lowlevel import RunVar

from .._data._exchange import Operation
from .._data._types import JsonObject, Submission
from ..exceptions import ValidationError
from ._contract import (
    DueTask,
    DueTasks,
    Intent,
    JobRecord,
    JobState,
    Outcome,
    SlotAnswer,
    SlotRecord,
    SlotRequest,
    Spending,
    StateRecord,
)
from ._record_types import Examined
from ._sql._store import Store
from ._write_batching import Enqueued, WriteBatcher

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


class Threads:
    """The threads of one ledger; a part of it."""

    at_once = 1
    """Calls of one event loop at a time, in the order in which they came; more wait."""

    def __init__(self, name: str) -> None:
        self._limiter: RunVar[anyio.CapacityLimiter] = RunVar(name)

    async def _run(self, work: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        """Do the work in a thread; once it was begun it is waited for, cancelled or not."""
        if not threading.main_thread().is_alive():
            return work(*arguments)  # the interpreter exits, and starts no thread any more

        results: list[Result] = []
        errors: list[Exception] = []

        async def call() -> None:
            try:
                results.append(
                    await to_thread.run_sync(work, *arguments, limiter=self._loop_limiter())
                )
            except Exception as error:  # noqa: BLE001  (raised below, outside the group)
                errors.append(error)

        async with anyio.create_task_group() as group:
            group.start_soon(call)

        if errors:
            raise errors[0]

        if not results:
            raise anyio.get_cancelled_exc_class()  # the loop ends, and with it all that waits

        return results[0]

    def _loop_limiter(self) -> anyio.CapacityLimiter:
        try:
            return self._limiter.get()
        except LookupError:
            limiter = anyio.CapacityLimiter(self.at_once)
            self._limiter.set(limiter)
            return limiter


class StoredLedger(Threads):
    """What the ledgers of a file and of a database do alike."""

    keeps_money = True
    keeps_state = True
    keeps_slots = True
    _store: Store
    _together: WriteBatcher[Enqueued, JobRecord | None]

    async def open(
        self, job: JobRecord, owner_id: str, media: Mapping[str, bytes]
    ) -> JobRecord | None:
        """Write down a new job, or return the one that has its idempotency key."""
        return await self._run(self._store.open, job, owner_id, dict(media))

    async def enqueue(
        self, job: JobRecord, media: Mapping[str, bytes], space: str, task: JsonObject
    ) -> JobRecord | None:
        """Write down a new job that nobody holds, and its task as a state, in one transaction."""
        enqueued = Enqueued(job, dict(media), space, task)
        if media:  # which may be large, and hold up what others write
            return await self._run(self._store.enqueue, enqueued)

        return await self._together.write(enqueued)

    async def _enqueue_all(
        self, some: Sequence[Enqueued]
    ) -> Sequence[JobRecord | Exception | None]:
        return await self._run(self._store.enqueue_all, some)

    async def intend(self, intent: Intent, owner_id: str) -> bool | None:
        """Write down a submit before it leaves; see `_contract.Ledger.intend`."""
        return await self._run(self._store.intend, intent, owner_id)

    async def note(
        self,
        intent_id: str,
        owner_id: str,
        heard: JsonObject,
        submission: Submission | None = None,
    ) -> bool | None:
        """Write down what was heard of a submit whose attempt goes on."""
        return await self._run(self._store.note, intent_id, owner_id, heard, submission)

    async def accept(self, intent_id: str, operation: Operation, *, adopted: bool = False) -> bool:
        """Write down the job that came of it; see `_contract.Ledger.accept`."""
        return await self._run(self._store.accept, intent_id, operation, adopted)

    async def receive(self, intent_id: str, content: bytes) -> None:
        """Write down the result that answered a submit; see `_contract.Ledger.receive`."""
        await self._run(self._store.receive, intent_id, content)

    async def settle(
        self,
        intent_id: str,
        submission: Submission | None,
        outcome: Outcome,
        *,
        cost: JsonObject | None = None,
        cost_state: str | None = None,
    ) -> None:
        """Write down how an attempt ended; see `_contract.MoneyLedger.settle`."""
        await self._run(self._store.settle, intent_id, submission, outcome, cost, cost_state)

    async def reprice(self, intent_id: str, cost: JsonObject, cost_state: str) -> None:
        """Write down a later figure; see `_contract.RepricingLedger.reprice`."""
        await self._run(self._store.reprice, intent_id, cost, cost_state)

    async def spendings(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> list[Spending]:
        """Return what was spent in a time, oldest first, also by jobs that are forgotten."""
        return await self._run(self._store.spendings, since, until)

    async def spendings_of(
        self, provider: str, operation_id: str, host: str = ""
    ) -> list[Spending]:
        """Return what was spent on an operation whose job is forgotten, the newest first."""
        return await self._run(self._store.spendings_of, provider, operation_id, host)

    async def close(
        self,
        job_id: str,
        owner_id: str,
        state: JobState,
        result: JsonObject | None = None,
        *,
        free_key: bool = False,
    ) -> bool | None:
        """Write down how a job ended; see `_contract.Ledger.close`."""
        return await self._run(self._store.close, job_id, owner_id, state, result, free_key)

    async def keep(self, job_id: str, owner_id: str, result: JsonObject | None) -> bool | None:
        """Write down that a job is open, whatever it was before; see `_contract.Ledger.keep`."""
        return await self._run(self._store.keep, job_id, owner_id, result)

    async def claim(self, job_id: str, owner_id: str) -> bool | None:
        """Hold a job; False where another living holder does, None where it is not known."""
        return await self._run(self._store.claim, job_id, owner_id)

    async def renew(self) -> None:
        """Say that this process is alive, at most six times in a lease."""
        if not self._store.wants_renewal():
            return

        try:
            await self._run(self._store.renew)
        except BaseException:
            self._store.renewal_failed()
            raise

    async def get(self, job_id: str) -> JobRecord | None:
        """Return a job; None where it is not known."""
        return await self._run(self._store.by_id, job_id)

    async def find(
        self, provider: str | None, operation_id: str, host: str = ""
    ) -> JobRecord | None:
        """Return the job that an operation belongs to; None where it is not known."""
        return await self._run(self._store.by_operation, provider, operation_id, host)

    async def jobs(
        self, *, states: Sequence[JobState] = (), limit: int = 1000, before: str | None = None
    ) -> list[JobRecord]:
        """Return jobs, newest first: those in one of the states, or all; see `PagedLedger`."""
        return await self._run(self._store.jobs, tuple(states), limit, before)

    async def oldest(
        self, *, states: Sequence[JobState] = (), limit: int = 1000, after: str | None = None
    ) -> list[JobRecord]:
        """Return jobs, oldest first: those in one of the states, or all; see `PagedLedger`."""
        read = partial(self._store.jobs, oldest_first=True)
        return await self._run(read, tuple(states), limit, after)

    async def due_tasks(self, *, limit: int = 1000, after: DueTask | None = None) -> DueTasks:
        """Return the first tasks that are due; see `_contract.QueueLedger.due_tasks`."""
        return await self._run(self._store.due_tasks, limit, after)

    async def unfinished(self, *, after: str | None = None, limit: int = 1000) -> list[JobRecord]:
        """Return open jobs that nobody drives; see `_contract.PagedLedger.unfinished`."""
        return await self._run(self._store.unfinished, after, limit)

    async def forget(self, job_id: str) -> bool:
        """Drop a job with its media; False where a living holder drives it, or nobody knows it."""
        return await self._run(self._store.forget, job_id)

    async def media(self, sha256: str) -> bytes:
        """Return bytes that an open job's request refers to."""
        return await self._run(self._store.media, sha256)

    async def prune(self, older_than: timedelta) -> int:
        """Forget jobs that were closed longer ago than this; their idempotency keys are free then.

        Returns:
            How many. Open jobs, and those that a living process holds, stay.
        """
        return await self._run(self._store.prune, older_than)

    async def read_state(self, space: str, name: str) -> StateRecord | None:
        """Return a state; None where there is none."""
        return await self._run(self._store.read_state, space, name)

    async def write_state(
        self,
        space: str,
        name: str,
        value: JsonObject | None,
        *,
        expected: int | None = None,
        until: datetime | None = None,
    ) -> int | None:
        """Write or delete a state; see `_contract.StateLedger.write_state`."""
        return await self._run(self._store.write_state, space, name, value, expected, until)

    async def list_states(
        self, space: str, *, after: str = "", limit: int = 1000
    ) -> list[StateRecord]:
        """Return the states of a space by name; see `_contract.StateLedger.list_states`."""
        return await self._run(self._store.list_states, space, after, limit)

    async def held_among(self, job_ids: Sequence[str]) -> set[str]:
        """Return which of these jobs a living holder drives."""
        return await self._run(self._store.held_among, tuple(job_ids))

    async def examine(self) -> Examined:
        """Return what the file or the database says of itself."""
        return await self._run(self._store.examine)

    async def seek_slots(
        self, line: str, requests: Sequence[SlotRequest], held: Sequence[str] = ()
    ) -> SlotAnswer:
        """Ask for slots, and keep those that are held; see `_contract.SlotLedger.seek_slots`."""
        return await self._run(self._store.seek_slots, line, tuple(requests), tuple(held))

    async def free_slot(self, slot_id: str, *, may_still_run: bool = False) -> None:
        """Leave the line, or end a slot; see `_contract.SlotLedger.free_slot`."""
        await self._run(self._store.free_slot, slot_id, may_still_run)

    async def list_slots(self, line: str | None = None) -> list[SlotRecord]:
        """Return those who wait, and the jobs in flight; see `_contract.SlotLedger.list_slots`."""
        return await self._run(self._store.list_slots, line)


def checked_lease(lease_seconds: float, example: int) -> float:
    """Return how long a process may be silent, in seconds.

    Raises:
        ValidationError: It is no positive number.
    """
    if not (math.isfinite(lease_seconds) and lease_seconds > 0):
        raise ValidationError(
            f"lease_seconds is {lease_seconds!r}, but a process has to be silent for some time "
            f"({example}, say) before others take its jobs over"
        )

    return float(lease_seconds)
