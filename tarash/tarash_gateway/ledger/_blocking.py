"""What a ledger has below it: calls that block, and may come from any thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from .._data._exchange import Operation
from .._data._types import JsonObject, Submission
from ._examined import Examined
from ._records import (
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
from ._together import Enqueued


class BlockingStore(Protocol):
    """The jobs in a file or a database, and the process that this one is to the others.

    Arguments are by place; what each call promises, `StoredLedger` says.
    """

    def open(
        self, job: JobRecord, owner_id: str, media: Mapping[str, bytes], /
    ) -> JobRecord | None: ...
    def enqueue(self, one: Enqueued, /) -> JobRecord | None: ...
    def enqueue_all(
        self, some: Sequence[Enqueued], /
    ) -> Sequence[JobRecord | Exception | None]: ...
    def intend(self, intent: Intent, owner_id: str, /) -> bool | None: ...
    def note(
        self, intent_id: str, owner_id: str, heard: JsonObject, submission: Submission | None, /
    ) -> bool | None: ...
    def accept(self, intent_id: str, operation: Operation, adopted: bool, /) -> bool: ...
    def receive(self, intent_id: str, content: bytes, /) -> None: ...
    def settle(
        self,
        intent_id: str,
        submission: Submission | None,
        outcome: Outcome,
        cost: JsonObject | None,
        cost_state: str | None,
        /,
    ) -> None: ...
    def reprice(self, intent_id: str, cost: JsonObject, cost_state: str, /) -> None: ...
    def spendings(self, since: datetime | None, until: datetime | None, /) -> list[Spending]: ...
    def close(
        self,
        job_id: str,
        owner_id: str,
        state: JobState,
        result: JsonObject | None,
        free_key: bool,
        /,
    ) -> bool | None: ...
    def keep(self, job_id: str, owner_id: str, result: JsonObject | None, /) -> bool | None: ...
    def claim(self, job_id: str, owner_id: str, /) -> bool | None: ...
    def wants_renewal(self) -> bool: ...
    def renew(self) -> None: ...
    def renewal_failed(self) -> None: ...
    def by_id(self, job_id: str, /) -> JobRecord | None: ...
    def by_operation(
        self, provider: str | None, operation_id: str, host: str, /
    ) -> JobRecord | None: ...
    def due_tasks(self, limit: int, after: DueTask | None, /) -> DueTasks: ...
    def unfinished(self, after: str | None, limit: int, /) -> list[JobRecord]: ...
    def held_among(self, job_ids: tuple[str, ...], /) -> set[str]: ...
    def forget(self, job_id: str, /) -> bool: ...
    def media(self, sha256: str, /) -> bytes: ...
    def prune(self, older_than: timedelta, /) -> int: ...
    def read_state(self, space: str, name: str, /) -> StateRecord | None: ...
    def write_state(
        self,
        space: str,
        name: str,
        value: JsonObject | None,
        expected: int | None,
        until: datetime | None,
        /,
    ) -> int | None: ...
    def list_states(self, space: str, after: str, limit: int, /) -> list[StateRecord]: ...
    def seek_slots(
        self, line: str, requests: tuple[SlotRequest, ...], held: tuple[str, ...], /
    ) -> SlotAnswer: ...
    def free_slot(self, slot_id: str, may_still_run: bool, /) -> None: ...
    def list_slots(self, line: str | None, /) -> list[SlotRecord]: ...
    def examine(self) -> Examined: ...
    def jobs(
        self,
        states: tuple[JobState, ...],
        limit: int,
        last_id: str | None,
        /,
        *,
        oldest_first: bool = False,
    ) -> list[JobRecord]: ...
