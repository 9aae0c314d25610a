"""The contract between the engine and the ledgers: jobs and submits as they are written down."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from .._data._types import JsonObject, Submission
from ._protocol import Ledger
from ._record_types import (
    ADJUSTED,
    IS_NAME,
    NOT_SENT,
    OPEN_ENDS,
    QUEUE,
    RECEIVED,
    STOPPED,
    BudgetWindow,
    DueTask,
    DueTasks,
    Intent,
    JobRecord,
    JobState,
    Outcome,
    OverBudgetError,
    Spending,
    StateRecord,
    SubmissionRecord,
)
from ._slots import SlotAnswer, SlotRecord, SlotRequest

__all__ = [
    "ADJUSTED",
    "IS_NAME",
    "NOT_SENT",
    "OPEN_ENDS",
    "QUEUE",
    "RECEIVED",
    "STOPPED",
    "AnyLedger",
    "BudgetWindow",
    "DueTask",
    "DueTasks",
    "Intent",
    "JobRecord",
    "JobState",
    "Ledger",
    "MoneyLedger",
    "Outcome",
    "OverBudgetError",
    "PagedLedger",
    "QueueLedger",
    "RememberingLedger",
    "RepricingLedger",
    "SlotAnswer",
    "SlotLedger",
    "SlotRecord",
    "SlotRequest",
    "Spending",
    "StateLedger",
    "StateRecord",
    "SubmissionRecord",
]


class MoneyLedger(Ledger, Protocol):
    """A ledger that knows what submits cost: for budgets, and for reports of spending."""

    keeps_money: bool
    """True."""

    async def settle(
        self,
        intent_id: str,
        submission: Submission | None,
        outcome: Outcome,
        *,
        cost: JsonObject | None = None,
        cost_state: str | None = None,
    ) -> None:
        """Write down how an attempt ended, and what it has cost in place of what was reserved.

        `intend` reserves the upper end of an intent's quote in the same step in which it writes the
        intent down, and raises `OverBudgetError` where that does not fit into one of its budgets.

        Args:
            intent_id: As in `Ledger.settle`.
            submission: As in `Ledger.settle`.
            outcome: As in `Ledger.settle`.
            cost: `amount` and `currency`; None leaves what was reserved.
            cost_state: As in `Spending`; None leaves it.
        """
        ...

    async def spendings(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> list[Spending]:
        """Return what was spent in a time, oldest first, also by jobs that are forgotten."""
        ...


class PagedLedger(Ledger, Protocol):
    """A ledger of many jobs: read page by page, and pruned."""

    async def jobs(
        self, *, states: Sequence[JobState] = (), limit: int = 1000, before: str | None = None
    ) -> list[JobRecord]:
        """Return jobs, newest first: those in one of the states, or all.

        Args:
            states: Where they stand; empty for all.
            limit: The most to return.
            before: The id of a job: only older ones are returned; none where it is not known.
        """
        ...

    async def oldest(
        self, *, states: Sequence[JobState] = (), limit: int = 1000, after: str | None = None
    ) -> list[JobRecord]:
        """Return jobs, oldest first: those in one of the states, or all.

        Args:
            states: Where they stand; empty for all.
            limit: The most to return.
            after: The id of a job: only newer ones are returned; none where it is not known.
        """
        ...

    async def unfinished(self, *, after: str | None = None, limit: int = 1000) -> list[JobRecord]:
        """Return open jobs that no living holder drives, oldest first.

        Args:
            after: The id of a job, in whatever state: only newer ones are returned; none where it
                is not known.
            limit: The most to return: no more are read, but those that somebody drives.
        """
        ...

    async def prune(self, older_than: timedelta) -> int:
        """Forget jobs that were closed longer ago than this; their idempotency keys are free then.

        Returns:
            How many. Open jobs, and those that a living process holds, stay.

        Raises:
            ValidationError: The time is negative.
        """
        ...


class StateLedger(Ledger, Protocol):
    """A ledger that keeps small states beside the jobs: for all its processes, and durable as they.

    For what is read and written now and then, such as keys, idempotency records, learned times and
    the state of circuit breakers. A state that has expired reads as absent.
    """

    keeps_state: bool
    """True."""

    async def read_state(self, space: str, name: str) -> StateRecord | None:
        """Return a state; None where there is none."""
        ...

    async def write_state(
        self,
        space: str,
        name: str,
        value: JsonObject | None,
        *,
        expected: int | None = None,
        until: datetime | None = None,
    ) -> int | None:
        """Write a state, or delete it, in one step with the reading of what is there.

        Args:
            space: What it is a state of.
            name: Its name there.
            value: The state as JSON; None deletes what is there.
            expected: The version that has to be there, 0 for none; None writes whatever is there.
            until: When it expires, with a time zone; None for never.

        Returns:
            The new version, 0 after a delete. None where something else was there than `expected`:
            then nothing was written.
        """
        ...

    async def list_states(
        self, space: str, *, after: str = "", limit: int = 1000
    ) -> list[StateRecord]:
        """Return the states of a space by name, the first `limit` of those behind `after`."""
        ...


class QueueLedger(StateLedger, Protocol):
    """A ledger that finds what of its queue is due without reading the rest.

    The tasks are the states of the space `QUEUE`: their values are `priority`, and `at`, a time in
    ISO 8601 and UTC before which the job is not sent, or null.
    """

    async def due_tasks(self, *, limit: int = 1000, after: DueTask | None = None) -> DueTasks:
        """Return the first tasks whose time has come and whose open jobs no living holder drives.

        What has ended, what is driven and what is not due takes no time here. A task that was left
        behind by a job that has ended may be among them, and is to be deleted.

        Args:
            limit: The most to return.
            after: Only those behind this one are returned.
        """
        ...


class SlotLedger(Ledger, Protocol):
    """A ledger that counts the jobs in flight of an account, over all processes that use it.

    `_slots.allocate_slots` tells what is taken, dropped and answered, within one write. A slot is
    an intent's: the submit that is written down under the same id tells whether a job may still run
    when the slot's holder has been silent for longer than the lease.
    """

    keeps_slots: bool
    """True."""

    async def seek_slots(
        self, line: str, requests: Sequence[SlotRequest], held: Sequence[str] = ()
    ) -> SlotAnswer:
        """Get in line, take what is free, and say that those who wait and hold are alive.

        Whoever waits asks again and again, at least three times in a lease.

        Args:
            line: The account's; the line of all requests, too.
            requests: What the caller waits for; those that are new get in line. One whose job in
                flight has lost its holder is taken over by the caller.
            held: The ids of slots that the caller has taken.
        """
        ...

    async def free_slot(self, slot_id: str, *, may_still_run: bool = False) -> None:
        """Leave the line, or end a slot; one that nobody knows is ignored.

        Args:
            slot_id: The slot's.
            may_still_run: Whether its job goes on without us: then it counts until the attempt is
                settled by somebody, or `kept_seconds` have passed.
        """
        ...

    async def list_slots(self, line: str | None = None) -> list[SlotRecord]:
        """Return those who wait and the jobs in flight, of one line or of all, oldest first."""
        ...


class RememberingLedger(MoneyLedger, Protocol):
    """A ledger that still knows what was reserved for the operation of a job that is forgotten.

    Its `settle` takes the id of such an intent, too: the cost takes the place of what is reserved
    still, or is `possible`.
    """

    async def spendings_of(
        self, provider: str, operation_id: str, host: str = ""
    ) -> list[Spending]:
        """Return what was spent on an operation, the newest first, with the intents' quotes.

        Args:
            provider: Whose operation it is.
            operation_id: The operation's.
            host: As in `Ledger.find`.
        """
        ...


class RepricingLedger(MoneyLedger, Protocol):
    """A ledger that takes what providers say of costs after the end."""

    async def reprice(self, intent_id: str, cost: JsonObject, cost_state: str) -> None:
        """Write down what a submit has cost, in place of what was written before.

        Args:
            intent_id: As in `Ledger.settle`; one that nobody knows is ignored.
            cost: `amount` and `currency`.
            cost_state: As in `Spending`.
        """
        ...


AnyLedger = Ledger | str | os.PathLike[str]
"""As users name a ledger: an object, a URL such as `sqlite:///jobs.db`, or the path of such a file.
"""
