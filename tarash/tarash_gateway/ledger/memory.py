"""The ledger that lives as long as the process: every promise holds until then, none after."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._data._exchange import Operation
from .._data._types import JsonObject, Submission
from ._contract import (
    OPEN_ENDS,
    QUEUE,
    RECEIVED,
    STOPPED,
    Intent,
    JobRecord,
    JobState,
    Outcome,
    SubmissionRecord,
)
from ._memory_slots import MemorySlots
from ._memory_spending import UNDECIDED, MemorySpending
from ._memory_states import MemoryQueue, MemoryStates

LARGEST_HISTORY = 1000
"""Closed jobs kept for looking back; open ones are never dropped."""


class MemoryLedger(MemorySpending, MemorySlots, MemoryStates, MemoryQueue):
    """Keeps jobs, intents and operations in memory. Safe to use from several threads and loops."""

    lease_seconds = math.inf
    """Nobody outlives the process, so nobody can take its jobs over."""
    generation = 0
    """Nobody can take memory away from under it."""

    def __init__(self) -> None:
        super().__init__()
        self._jobs: dict[str, JobRecord] = {}
        self._closed: dict[str, None] = {}
        self._holders: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        self._job_of: dict[str, str] = {}
        self._media: dict[str, Mapping[str, bytes]] = {}

    async def open(
        self, job: JobRecord, owner_id: str, media: Mapping[str, bytes]
    ) -> JobRecord | None:
        """Write down a new job, or return the one that has its idempotency key."""
        with self._lock:
            key = job.idempotency_key
            if key is not None and key in self._keys:
                return self._read(self._keys[key])

            if key is not None:
                self._keys[key] = job.id

            if job.state != "open" or job.entries or job.result or job.held:
                job = replace(job, state="open", entries=(), result=None, held=False)

            self._jobs[job.id] = job
            self._holders[job.id] = owner_id
            self._media[job.id] = media
            return None

    async def intend(self, intent: Intent, owner_id: str) -> bool | None:
        """Write down a submit before it leaves; see `_contract.Ledger.intend`."""
        with self._lock:
            job = self._jobs.get(intent.job_id)
            if job is None:
                return None

            if self._holders.get(intent.job_id) != owner_id:
                return False

            self._reserve(intent)
            before = tuple(entry for entry in job.entries if entry.intent.id != intent.id)
            entry = SubmissionRecord(intent, heard=intent.heard)
            self._jobs[job.id] = replace(job, entries=(*before, entry))
            self._job_of[intent.id] = job.id
            return True

    async def note(
        self,
        intent_id: str,
        owner_id: str,
        heard: JsonObject,
        submission: Submission | None = None,
    ) -> bool | None:
        """Write down what was heard of a submit whose attempt goes on."""
        with self._lock:
            entry = self._entry(intent_id)
            if entry is None:
                return None

            if self._holders.get(entry.intent.job_id) != owner_id:
                return False

            self._change(
                intent_id,
                heard={**entry.heard, **heard},
                submission=submission or entry.submission,
            )
            return True

    async def accept(self, intent_id: str, operation: Operation, *, adopted: bool = False) -> bool:
        """Write down the job that came of it; see `_contract.Ledger.accept`."""
        with self._lock:
            entry = self._entry(intent_id)
            host = "" if entry is None else entry.intent.host
            if adopted and self._owner(operation.provider, operation.id, host) is not None:
                return False

            self._change(intent_id, operation=operation, submission="accepted")
            return True

    async def receive(self, intent_id: str, content: bytes) -> None:
        """Write down the result that answered a submit."""
        with self._lock:
            entry = self._entry(intent_id)
            if entry is None or self._jobs[entry.intent.job_id].state not in ("open", "unknown"):
                return

            name = hashlib.sha256(content).hexdigest()
            job_id = entry.intent.job_id
            self._media[job_id] = {**self._media.get(job_id, {}), name: content}
            self._change(intent_id, heard={**entry.heard, RECEIVED: name}, submission="accepted")

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
        with self._lock:
            entry = self._entry(intent_id)
            if entry is None:
                spent = self._spent.get(intent_id)
                if spent is not None and spent.state in UNDECIDED:  # its job is forgotten
                    self._set_cost(intent_id, cost, cost_state)

                return

            beats_a_stop = entry.outcome == "stopped" and outcome == "completed"
            if entry.outcome in OPEN_ENDS or beats_a_stop:
                self._change(intent_id, submission=submission, outcome=outcome)
            elif outcome == "stopped":
                self._change(intent_id, heard={**entry.heard, STOPPED: True})

            if entry.outcome in (*OPEN_ENDS, STOPPED):
                self._set_cost(intent_id, cost, cost_state)

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
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None:
                return None

            if self._holders.get(job_id) != owner_id:
                return False

            del self._holders[job_id]
            if free_key and job.idempotency_key is not None:
                self._keys.pop(job.idempotency_key, None)

            if state == "open":
                return True

            # Only whoever has the key, or has handed it to a worker, asks for it again; results may
            # be large. An error is not.
            is_wanted = job.idempotency_key is not None or (QUEUE, job_id) in self._states
            is_wanted = is_wanted or "error" in (result or {})
            kept = result if is_wanted else None
            self._states.pop((QUEUE, job_id), None)
            self._jobs[job_id] = replace(job, state=state, result=kept)
            self._media.pop(job_id, None)
            self._closed[job_id] = None
            while len(self._closed) > LARGEST_HISTORY:
                self._forget(next(iter(self._closed)))

            return True

    async def keep(self, job_id: str, owner_id: str, result: JsonObject | None) -> bool | None:
        """Write down that a job is open, whatever it was before; see `_contract.Ledger.keep`."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None:
                return None

            if self._holders.get(job_id) != owner_id:
                return False

            del self._holders[job_id]
            self._jobs[job_id] = replace(job, state="open", result=result)
            self._closed.pop(job_id, None)
            return True

    async def claim(self, job_id: str, owner_id: str) -> bool | None:
        """Hold a job; False where another holder does, None where it is not known."""
        with self._lock:
            if job_id not in self._jobs:
                return None

            return self._holders.setdefault(job_id, owner_id) == owner_id

    async def renew(self) -> None:
        """Do nothing: whoever could ask is alive."""

    async def get(self, job_id: str) -> JobRecord | None:
        """Return a job; None where it is not known."""
        with self._lock:
            return self._read(job_id) if job_id in self._jobs else None

    async def find(
        self, provider: str | None, operation_id: str, host: str = ""
    ) -> JobRecord | None:
        """Return the job that an operation belongs to; None where it is not known."""
        with self._lock:
            return self._owner(provider, operation_id, host)

    async def jobs(
        self, *, states: Sequence[JobState] = (), limit: int = 1000, before: str | None = None
    ) -> list[JobRecord]:
        """Return jobs, newest first: those in one of the states, or all; see `PagedLedger`."""
        with self._lock:
            return self._listed(reversed(self._jobs.values()), states, limit, before)

    async def oldest(
        self, *, states: Sequence[JobState] = (), limit: int = 1000, after: str | None = None
    ) -> list[JobRecord]:
        """Return jobs, oldest first: those in one of the states, or all; see `PagedLedger`."""
        with self._lock:
            return self._listed(iter(self._jobs.values()), states, limit, after)

    def _listed(
        self, jobs: Iterator[JobRecord], states: Sequence[JobState], limit: int, behind: str | None
    ) -> list[JobRecord]:
        if behind is not None:
            jobs = itertools.dropwhile(lambda job: job.id != behind, jobs)
            next(jobs, None)

        records = (self._read(job.id) for job in jobs if not states or job.state in states)
        return list(itertools.islice(records, limit))

    async def forget(self, job_id: str) -> bool:
        """Drop a job; False where a holder drives it, or nobody knows it."""
        with self._lock:
            if job_id not in self._jobs or job_id in self._holders:
                return False

            self._forget(job_id)
            self._media.pop(job_id, None)
            return True

    async def media(self, sha256: str) -> bytes:
        """Return bytes that an open job's request refers to."""
        with self._lock:
            for kept in self._media.values():
                if sha256 in kept:
                    return kept[sha256]

            raise KeyError(sha256)

    async def aclose(self) -> None:
        """Do nothing: there is no file and no connection."""

    def entries(self) -> list[SubmissionRecord]:
        """Return what is known of each submit, oldest first."""
        with self._lock:
            return [entry for job in self._jobs.values() for entry in job.entries]

    def _read(self, job_id: str) -> JobRecord:
        return replace(self._jobs[job_id], held=job_id in self._holders)

    def _owner(self, provider: str | None, operation_id: str, host: str) -> JobRecord | None:
        for job in reversed(self._jobs.values()):
            for entry in job.entries:
                operation = entry.operation
                if operation is None or operation.id != operation_id:
                    continue

                is_there = not host or entry.intent.host in ("", host)
                if provider in (None, operation.provider) and is_there:
                    return self._read(job.id)

        return None

    def _entry(self, intent_id: str) -> SubmissionRecord | None:
        job = self._jobs.get(self._job_of.get(intent_id, ""))
        entries = () if job is None else job.entries
        return next((entry for entry in entries if entry.intent.id == intent_id), None)

    def _change(self, intent_id: str, **facts: Any) -> None:
        job_id = self._job_of.get(intent_id)
        if job_id is None:
            return

        job = self._jobs[job_id]
        entries = tuple(
            replace(entry, **facts) if entry.intent.id == intent_id else entry
            for entry in job.entries
        )
        self._jobs[job_id] = replace(job, entries=entries)

    def _forget(self, job_id: str) -> None:
        self._closed.pop(job_id, None)
        job = self._jobs.pop(job_id)
        for entry in job.entries:
            self._job_of.pop(entry.intent.id, None)
            self._leave(entry)

        if job.idempotency_key is not None and self._keys.get(job.idempotency_key) == job_id:
            del self._keys[job.idempotency_key]
