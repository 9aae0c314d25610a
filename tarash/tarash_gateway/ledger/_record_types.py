"""What ledgers keep, as it is written down: jobs, submits, spending and small states."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

from .._data._budgets import period_at
from .._data._exchange import Operation
from .._data._types import JsonObject, Kind, Submission
from .._data._types import Outcome as Outcome  # noqa: PLC0414  (part of the contract)

JobState = Literal["open", "completed", "failed", "cancelled", "unknown"]
"""Where a job stands: an open one is unfinished."""


@dataclass(frozen=True, slots=True)
class BudgetWindow:
    """What may be spent until a budget renews, as a submit finds it."""

    amount: Decimal
    """US dollars."""
    name: str
    """As users wrote it, such as `$50 per day`."""
    since: datetime | None = None
    """Since when spending counts: from the beginning of its hour on; None for ever."""
    until: datetime | None = None
    """When it renews; None for never."""
    label: tuple[str, str] | None = None
    """Only what has this label counts; one without it has the value ''."""
    per: str | None = None
    """How often it renews, for a ledger with a time of its own; None for the times above only."""

    def at(self, time: datetime) -> BudgetWindow:
        """Return the budget as it is at a time of the ledger's."""
        if self.per is None:
            return self

        since, until = period_at(self.per, time)
        return replace(self, since=since, until=until)


class OverBudgetError(Exception):
    """A submit does not fit into a budget: nothing was written down."""

    def __init__(self, window: BudgetWindow, spent: Decimal) -> None:
        super().__init__(f"{window.name}: {spent} spent")
        self.window = window
        self.spent = spent
        """US dollars, with what is reserved."""


@dataclass(frozen=True, slots=True)
class Spending:
    """What one submit has cost, or may cost."""

    intent_id: str
    job_id: str
    kind: Kind
    provider: str
    model: str
    at: datetime
    amount: Decimal | None
    """None where nobody knows."""
    currency: str = "USD"
    state: str = "reserved"
    """`reserved` while it goes on; then `estimated`, `reported`, `settled`, `possible` where it may
    be billed without a result, or `not_sent`."""
    labels: Mapping[str, str] = field(default_factory=dict)
    quote: JsonObject | None = None
    """What it would cost, as the intent had it; kept of forgotten jobs whose end is not known."""


LONGEST_WRITING = timedelta(minutes=10)
"""An intent that is older when it is written down was bought before."""
LONGEST_JUMP = timedelta(days=31)
"""A clock that is so much behind what was written down is believed: what was ahead was wrong."""
EARLIEST = datetime(2026, 11, 1, tzinfo=UTC)
"""A clock that says less is wrong for certain: this was not written yet."""


def is_new(intent: Intent, now: datetime) -> bool:
    """Tell whether an intent is of this moment, by the clock that has dated it."""
    return timedelta(0) <= now - intent.created_at < LONGEST_WRITING


def never_back(now: datetime, latest: datetime | None) -> datetime:
    """Return the time for budgets: a clock that was put back opens no period again.

    Args:
        now: By the clock.
        latest: The latest time that was written down; None where nothing was.
    """
    if latest is None or latest <= now:
        return now

    return latest if now < EARLIEST or latest - now <= LONGEST_JUMP else now


NOT_SENT: Final = "not_sent"
"""The state of what was reserved for a submit that never left."""


def totals_with(labels: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    """Return the totals that something with these labels is a part of.

    One is of everything (`()`), one of all that has a label (`(name,)`), one of all that has it
    with one value (`(name, value)`).
    """
    return ((), *((name,) for name in labels), *labels.items())


def totals_for(window: BudgetWindow) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """Return the totals whose sum counts for a budget, each with its sign."""
    if window.label is None:
        return ((1, ()),)

    if window.label[1]:
        return ((1, window.label),)

    # What has no such label: everything but what has one, and what has an empty one.
    return ((1, ()), (-1, window.label[:1]), (1, window.label))


ADJUSTED: Final = "adjustments"
"""Under it is kept among what was heard of a submit what had to be changed to fit the model."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A submit that is about to leave, written down before it does."""

    id: str
    kind: Kind
    provider: str
    model: str
    attempt_number: int
    job_id: str = ""
    """The job's that it is a part of."""
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    payload: JsonObject | None = None
    """What is sent (`path`, `method`, `body`), to know the job again; None where it is too large.
    """
    host: str = ""
    """Where it is sent; ids are a provider's own on one host only. Empty where that is not known.
    """
    quote: JsonObject | None = None
    """What it would cost (`low`, `high`, `currency`), as was known then; None where nothing was."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """The user's own words for whom or what it is."""
    budgets: tuple[BudgetWindow, ...] = ()
    """What it has to fit into; not written down."""
    adjustments: tuple[JsonObject, ...] = ()
    """What had to be changed to fit the model, as JSON; kept among what is heard of the submit."""

    @property
    def heard(self) -> JsonObject:
        """What is known of the submit before it leaves; an entry begins with it."""
        return {ADJUSTED: list(self.adjustments)} if self.adjustments else {}


@dataclass(frozen=True, slots=True)
class SubmissionRecord:
    """What is known of one submit."""

    intent: Intent
    operation: Operation | None = None
    submission: Submission | None = None
    outcome: Outcome | None = None
    """None while the attempt goes on."""
    heard: JsonObject = field(default_factory=dict)
    """What `note` was given: `error` (the attempt's, as JSON), `retry_at`, `tries`, `cancel`,
    `billing`, `adopted`, `named`; and, from the beginning, `adjustments`."""


IS_NAME = re.compile(r"[0-9a-f]{64}").fullmatch
"""Whether a text names bytes by their SHA-256."""
STOPPED: Final = "stopped"
"""Under it is noted that the user has stopped a job after one of its attempts had ended."""
RECEIVED = "received"
"""What was heard of a submit that was answered with the result: the SHA-256 of what `receive` took.
"""
QUEUE: Final = "queue"
"""The space of the states that are tasks for workers; their names are the ids of jobs."""
OPEN_ENDS = frozenset({None, "detached", "unknown"})
"""Outcomes after which another may come; after `stopped` only `completed` does."""


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job as a ledger keeps it: enough for another process to go on; never a secret."""

    id: str
    kind: Kind
    chain: tuple[JsonObject, ...]
    """The configs in the order in which they are tried, without secrets."""
    request: JsonObject
    """The request; bytes in it are `{"sha256": ...}` in place of their content."""
    fingerprint: str
    """Equal for equal requests of one kind."""
    idempotency_key: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    """The user's own words for whom or what it is."""
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    state: JobState = "open"
    entries: tuple[SubmissionRecord, ...] = ()
    """Its submits, in the order in which they were intended."""
    result: JsonObject | None = None
    """What `close` or `keep` was given."""
    held: bool = False
    """Whether a holder that is alive drives it."""


@dataclass(frozen=True, slots=True)
class StateRecord:
    """A small state, such as a key's rights or what was learned of a model; never a secret."""

    space: str
    """What it is a state of, such as `breakers`; names are unique within a space."""
    name: str
    value: JsonObject
    version: int
    """Grows with each change; no two changes in one ledger have the same."""
    until: datetime | None = None
    """When it reads as absent; None for never."""


@dataclass(frozen=True, slots=True)
class DueTask:
    """A job of the queue that may be sent now, and that no living holder drives."""

    job_id: str
    priority: int
    """The higher goes first."""
    number: int
    """Grows with each job that is written down: of equal priority the lower goes first."""


@dataclass(frozen=True, slots=True)
class DueTasks:
    """A page of the queue."""

    tasks: tuple[DueTask, ...]
    """In the order in which they are to be sent."""
    next_in: float | None
    """Seconds until one more is due, by the ledger's clock; None where none is scheduled."""


def bought_nothing(submit: Mapping[str, Any]) -> bool:
    """Tell whether a submit that was written down has bought nothing for certain.

    Versions before have kept no word of how a submit ended that was cancelled before it left.

    Args:
        submit: Its `submission`, `outcome` and `operation`.
    """
    if submit["operation"] is not None:
        return False

    is_left = submit["submission"] is None and submit["outcome"] == "cancelled"
    return is_left or submit["submission"] in ("not_sent", "rejected")


@dataclass(frozen=True, slots=True)
class Examined:
    """A ledger that can be read, as it is at one moment."""

    version: int
    """Of its tables."""
    newest: int
    """The version of the tables that this process knows."""
    size: int
    """Bytes."""
    holders: int
    """Processes that hold jobs, alive or not."""
    alive: int
    """Those among them that have said so within their lease."""
    clock_offset: float | None = None
    """Seconds by which its clock is ahead of this machine's; None where it has none of its own."""
