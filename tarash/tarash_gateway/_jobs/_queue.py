"""The queue of jobs that workers are to send: small states of the ledger, one for each job.

A task says when a job is to be sent, and before which others; everything else is the job's. It is
taken away when the job has ended. Whoever works it holds the job by the ledger's lease, so that a
task that runs twice buys once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from ..exceptions import ValidationError
from ..ledger._contract import QUEUE as QUEUE  # noqa: PLC0414  (where workers find it)
from ..ledger._contract import DueTask, DueTasks

if TYPE_CHECKING:
    from .._data._types import JsonObject
    from ..ledger._contract import JobRecord, Ledger, StateLedger, StateRecord

WORKERS = "workers"
"""The space of the states by which workers say that they are there."""
PAGE = 1000
LARGEST_PRIORITY = 1_000_000


@dataclass(frozen=True, slots=True)
class Task:
    """When a job is to be sent."""

    priority: int = 0
    """The higher goes first."""
    at: datetime | None = None
    """Not before; None for at once."""

    def to_json(self) -> JsonObject:
        """Return it as it is written down."""
        return {"priority": self.priority, "at": None if self.at is None else self.at.isoformat()}

    def is_due(self, time: datetime) -> bool:
        """Tell whether its time has come."""
        return self.at is None or self.at <= time


def checked_task(priority: int, schedule_at: datetime | timedelta | None) -> Task:
    """Return the task that a user asks for.

    Raises:
        ValidationError: The priority is no such number, or the time has no zone.
    """
    if not isinstance(priority, int) or isinstance(priority, bool):
        raise ValidationError("priority is a whole number; the higher goes first", field="priority")

    if abs(priority) > LARGEST_PRIORITY:
        raise ValidationError(
            f"priority is at most {LARGEST_PRIORITY:,}, and at least -{LARGEST_PRIORITY:,}",
            field="priority",
        )

    if isinstance(schedule_at, timedelta):
        schedule_at = datetime.now(UTC) + schedule_at

    if schedule_at is None:
        return Task(priority)

    if not isinstance(schedule_at, datetime) or schedule_at.tzinfo is None:
        raise ValidationError(
            "schedule_at is a datetime with a time zone, such as datetime.now(UTC) + "
            "timedelta(hours=1), or a timedelta from now on",
            field="schedule_at",
        )

    return Task(priority, schedule_at.astimezone(UTC))


def task_of(state: StateRecord) -> Task:
    """Return the task that was written down."""
    at = state.value.get("at")
    return Task(int(state.value.get("priority", 0)), at and datetime.fromisoformat(at))


def keeps_state(ledger: Ledger) -> bool:
    """Tell whether a ledger can keep a queue."""
    return bool(getattr(ledger, "keeps_state", False))


async def write_down(
    ledger: Ledger, job: JobRecord, owner_id: str, media: Mapping[str, bytes], task: Task
) -> JobRecord | None:
    """Write a job down that nobody holds, and its task; nothing of both where the key is known.

    Returns:
        None, or the job that has its idempotency key already.
    """
    enqueue: Any = getattr(ledger, "enqueue", None)
    if enqueue is not None:
        record = await enqueue(job, media, QUEUE, task.to_json())
        return cast("JobRecord | None", record)

    if keeps_state(ledger):
        # The task first: one whose job was never written down harms nobody.
        await cast("StateLedger", ledger).write_state(QUEUE, job.id, task.to_json())

    existing = await ledger.open(job, owner_id, media)
    if existing is None:
        await ledger.close(job.id, owner_id, "open")
    elif keeps_state(ledger) and existing.id != job.id:
        await drop(ledger, job.id)

    return existing


async def drop(ledger: Ledger, job_id: str) -> None:
    """Take a task away."""
    await cast("StateLedger", ledger).write_state(QUEUE, job_id, None)


async def tasks(ledger: Ledger) -> dict[str, tuple[Task, int]]:
    """Return all tasks by the ids of their jobs, each with the number in which they came."""
    kept = cast("StateLedger", ledger)
    by_job: dict[str, tuple[Task, int]] = {}
    after = ""
    while page := await kept.list_states(QUEUE, after=after, limit=PAGE):
        by_job |= {one.name: (task_of(one), one.version) for one in page}
        after = page[-1].name
        if len(page) < PAGE:
            break

    return by_job


async def due_tasks(ledger: Ledger, limit: int, after: DueTask | None) -> DueTasks:
    """Return tasks that are due, as far as the ledger knows in nobody's hands; as `QueueLedger`.

    A ledger that can't look for them is read through, and returns all at once.
    """
    read: Any = getattr(ledger, "due_tasks", None)
    if read is not None:
        return cast("DueTasks", await read(limit=limit, after=after))

    now = datetime.now(UTC)
    every = await tasks(ledger)
    place = (-math.inf, 0) if after is None else (-after.priority, after.number)
    due = [
        DueTask(name, task.priority, number)
        for name, (task, number) in every.items()
        if task.is_due(now) and (-task.priority, number) > place
    ]
    held_among: Any = getattr(ledger, "held_among", None)
    if held_among is not None and due:
        held = await held_among([one.job_id for one in due])
        due = [one for one in due if one.job_id not in held]

    later = [task.at for task, _ in every.values() if not task.is_due(now)]
    times = [one for one in later if one is not None]
    return DueTasks(
        tuple(sorted(due, key=lambda one: (-one.priority, one.number))),
        (min(times) - now).total_seconds() if times else None,
    )


async def is_for_others(record: JobRecord, ledger: Ledger) -> bool:
    """Tell whether a job that waits in the queue is to be left to its workers.

    Whoever waits for a job that nobody holds sends it; but not before its time, and not where a
    worker is there who will. One that a worker drives is not looked at, either: the worker has the
    key, and writes down what it comes to.
    """
    if record.state != "open" or not keeps_state(ledger):
        return False

    kept = cast("StateLedger", ledger)
    state = await kept.read_state(QUEUE, record.id)
    if state is None:
        return False

    if record.held or not task_of(state).is_due(datetime.now(UTC)):
        return True

    return bool(await kept.list_states(WORKERS, limit=1))
