"""What of the queue in memory is due, and which jobs nobody drives."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

from ._facts import QUEUE, DueTask, DueTasks, JobRecord, StateRecord


class MemoryQueue:
    """Reads the queue; a part of `MemoryLedger`."""

    _lock: threading.Lock
    _jobs: dict[str, JobRecord]
    _holders: dict[str, str]
    _states: dict[tuple[str, str], StateRecord]

    async def due_tasks(self, *, limit: int = 1000, after: DueTask | None = None) -> DueTasks:
        """Return the first tasks that are due; see `_records.QueueLedger.due_tasks`."""
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
        """Return open jobs that nobody drives; see `_records.PagedLedger.unfinished`."""
        with self._lock:
            oldest: Iterator[JobRecord] = iter(self._jobs.values())
            if after is not None:
                oldest = itertools.dropwhile(lambda job: job.id != after, oldest)
                next(oldest, None)

            undriven = (
                one for one in oldest if one.state == "open" and one.id not in self._holders
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
