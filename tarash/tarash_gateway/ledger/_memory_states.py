"""Small states in memory, and the queue among them: durable as long as the process."""

from __future__ import annotations

import heapq
import itertools
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

from .._data._types import JsonObject
from ._record_types import QUEUE, DueTask, DueTasks, JobRecord, StateRecord

LEAST_WRITES = 100
"""What has expired goes after so many writes, or as many as there are states: a write is as quick
however many there are."""


class MemoryStates:
    """Keeps states; a part of `MemoryLedger`."""

    keeps_state = True

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[tuple[str, str], StateRecord] = {}
        self._versions = itertools.count(1)
        self._until_drop = LEAST_WRITES

    async def read_state(self, space: str, name: str) -> StateRecord | None:
        """Return a state; None where there is none."""
        with self._lock:
            return self._living(space, name)

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
        # A copy, of what other ledgers can keep: whoever goes on with the object changes nothing.
        kept = None if value is None else json.loads(json.dumps(value))
        with self._lock:
            state = self._living(space, name)
            if expected not in (None, 0 if state is None else state.version):
                return None

            if kept is None:
                self._states.pop((space, name), None)
                return 0

            self._until_drop -= 1
            if self._until_drop < 0:
                self._drop_expired()

            version = next(self._versions)
            self._states[space, name] = StateRecord(space, name, kept, version, until)
            return version

    async def list_states(
        self, space: str, *, after: str = "", limit: int = 1000
    ) -> list[StateRecord]:
        """Return the states of a space by name; see `_contract.StateLedger.list_states`."""
        with self._lock:
            names = sorted(name for kept, name in self._states if kept == space and name > after)
            states = (self._living(space, name) for name in names)
            return list(itertools.islice((state for state in states if state is not None), limit))

    def _living(self, space: str, name: str) -> StateRecord | None:
        state = self._states.get((space, name))
        if state is None or (state.until is not None and state.until <= datetime.now(UTC)):
            return None

        return state

    def _drop_expired(self) -> None:
        now = datetime.now(UTC)
        for place, state in list(self._states.items()):
            if state.until is not None and state.until <= now:
                del self._states[place]

        self._until_drop = max(LEAST_WRITES, len(self._states))


class MemoryQueue:
    """Reads the queue; a part of `MemoryLedger`."""

    _lock: threading.Lock
    _jobs: dict[str, JobRecord]
    _holders: dict[str, str]
    _states: dict[tuple[str, str], StateRecord]

    async def due_tasks(self, *, limit: int = 1000, after: DueTask | None = None) -> DueTasks:
        """Return the first tasks that are due; see `_contract.QueueLedger.due_tasks`."""
        now = datetime.now(UTC)
        due, later = [], []
        with self._lock:
            for task, at in self._tasks():
                if at is not None and at > now:
                    later.append(at)
                elif after is None or _place(task) > _place(after):
                    due.append(task)

        seconds = (min(later) - now).total_seconds() if later else None
        return DueTasks(tuple(heapq.nsmallest(limit, due, key=_place)), seconds)

    async def unfinished(self, *, after: str | None = None, limit: int = 1000) -> list[JobRecord]:
        """Return open jobs that nobody drives; see `_contract.PagedLedger.unfinished`."""
        with self._lock:
            oldest: Iterator[JobRecord] = iter(self._jobs.values())
            if after is not None:
                oldest = itertools.dropwhile(lambda job: job.id != after, oldest)
                next(oldest, None)

            undriven = (
                job for job in oldest if job.state == "open" and job.id not in self._holders
            )
            return list(itertools.islice(undriven, limit))

    def _tasks(self) -> Iterator[tuple[DueTask, datetime | None]]:
        for (space, name), state in self._states.items():
            job = self._jobs.get(name)
            if space != QUEUE or job is None or job.state != "open" or name in self._holders:
                continue

            at = state.value.get("at")
            task = DueTask(name, int(state.value.get("priority") or 0), state.version)
            yield task, None if at is None else datetime.fromisoformat(at)


def _place(task: DueTask) -> tuple[int, int]:
    return (-task.priority, task.number)
