"""The contract between the engine and the ledgers: jobs and submits as they are written down.

A ledger keeps facts and settles races; what follows from them is for the engine to decide. Every
method may be called from several tasks, threads and event loops at once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Literal, Protocol

from .._data._exchange import Operation
from .._data._types import JsonObject, Kind, Submission
from .._data._types import Outcome as Outcome  # noqa: PLC0414  (part of the contract)

JobState = Literal["open", "completed", "failed", "cancelled", "unknown"]
"""Where a job stands: an open one is still owed to the user."""


@dataclass(frozen=True, slots=True)
class BudgetWindow:
    """What may be spent until a budget renews, as a submit finds it."""

    amount: Decimal
    """US dollars."""
    name: str
    """As users wrote it, such as `$50 per day`."""
    since: datetime | None = None
    """Since when spending counts; None for ever."""
    until: datetime | None = None
    """When it renews; None for never."""
    label: tuple[str, str] | None = None
    """Only what has this label counts; one without it has the value ''."""


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
    """`reserved` while it goes on; then `estimated`, `reported`, `settled`, or `possible` where it
    may be billed without a result."""
    labels: Mapping[str, str] = field(default_factory=dict)


def counts(one: Spending, window: BudgetWindow, but: str) -> bool:
    """Tell whether something that was spent counts for a budget.

    Args:
        one: What was spent.
        window: The budget.
        but: The intent's that wants more.
    """
    if one.intent_id == but or one.currency != "USD":
        return False

    if window.since is not None and one.at < window.since:
        return False

    return window.label is None or one.labels.get(window.label[0], "") == window.label[1]


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
    `billing`, `adopted`."""


STOPPED: Final = "stopped"
"""Under it is noted that the user has stopped a job after one of its attempts had ended."""
RECEIVED = "received"
"""What was heard of a submit that was answered with the result: the SHA-256 of what `receive` took.
"""
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


class Ledger(Protocol):
    """Where jobs, intents and operations are written down, so that a crash loses nothing.

    Each call returns only when its fact would survive what the ledger promises to survive. A
    holder is a name that whoever drives a job makes up for this drive, and holds within its process
    only; it counts as alive while its process calls `renew` at least every `lease_seconds`.
    """

    lease_seconds: float
    """How long a holder may be silent before another may take its jobs over."""

    @property
    def generation(self) -> int:
        """Grows when what this is kept in was found to be removed, or replaced by something else.

        Whoever drives a job makes sure then that the job is in it.
        """
        ...

    async def open(
        self, job: JobRecord, owner_id: str, media: Mapping[str, bytes]
    ) -> JobRecord | None:
        """Write down a new job, held by `owner_id`.

        Args:
            job: The job; its entries, state, result and `held` are not looked at.
            owner_id: Who drives it.
            media: The bytes that its request refers to, by their SHA-256; each is stored once,
                and dropped when no open job refers to it any more.

        Returns:
            None, or the job that has this idempotency key already: then nothing was written.
        """
        ...

    async def intend(self, intent: Intent, owner_id: str) -> bool | None:
        """Write down a submit before it leaves, also before each further try of a refused one.

        Returns:
            False where `owner_id` does not hold the job; None where the job is not known.
        """
        ...

    async def note(
        self,
        intent_id: str,
        owner_id: str,
        heard: JsonObject,
        submission: Submission | None = None,
    ) -> bool | None:
        """Write down what was heard of a submit whose attempt goes on.

        Args:
            intent_id: The intent's.
            owner_id: Who drives its job.
            heard: Facts, in addition to those that were noted before.
            submission: How the submit ended, where that was heard.

        Returns:
            False where `owner_id` does not hold the job any more, None where the intent is not
            known: then nothing was written.
        """
        ...

    async def accept(self, intent_id: str, operation: Operation, *, adopted: bool = False) -> bool:
        """Write down the job that came of it, whoever holds it by now.

        Args:
            intent_id: The intent's.
            operation: What the provider made of it.
            adopted: Whether it was found in the provider's list, and may be another intent's.

        Returns:
            False where it is adopted and another intent's already: then nothing was written.
        """
        ...

    async def receive(self, intent_id: str, content: bytes) -> None:
        """Write down the result that answered a submit, whoever holds its job by now.

        It is kept as the request's media are, until the job is closed: `media` returns it by the
        SHA-256 that is noted as `received`. An intent that is not known, or whose job has ended, is
        ignored.

        Args:
            intent_id: The intent's.
            content: The result.
        """
        ...

    async def settle(self, intent_id: str, submission: Submission | None, outcome: Outcome) -> None:
        """Write down how an attempt ended; an intent that nobody knows is ignored.

        What was written before stays, unless it is `detached` or `unknown`, or `stopped` and now
        `completed`; a stop that comes after the end is noted beside it, as heard (`stopped`).

        Args:
            intent_id: The intent's.
            submission: How the submit ended; None where it did not come to one.
            outcome: How the attempt ended.
        """
        ...

    async def close(
        self,
        job_id: str,
        owner_id: str,
        state: JobState,
        result: JsonObject | None = None,
        *,
        free_key: bool = False,
    ) -> bool | None:
        """Write down how a job ended, and let go of it. `open` lets go of it only.

        Args:
            job_id: The job's.
            owner_id: Who drove it.
            state: Where it stands from now on.
            result: What there is to tell whoever asks for it again.
            free_key: Whether its idempotency key may be used by another job from now on.

        Returns:
            False where `owner_id` does not hold the job any more: then nothing was written, and
            whoever took it over has the last word. None where the job is not known.
        """
        ...

    async def keep(self, job_id: str, owner_id: str, result: JsonObject | None) -> bool | None:
        """Write down that a job is open, whatever it was before, and let go of it.

        Args:
            job_id: The job's.
            owner_id: Who drove it.
            result: What it came to, where nobody has got that yet.

        Returns:
            As `close`.
        """
        ...

    async def claim(self, job_id: str, owner_id: str) -> bool | None:
        """Hold a job, in whatever state.

        Returns:
            False where another living holder does; None where the job is not known.
        """
        ...

    async def renew(self) -> None:
        """Say that the holders of this process are alive; cheap when it was said just now."""
        ...

    async def get(self, job_id: str) -> JobRecord | None:
        """Return a job; None where it is not known."""
        ...

    async def find(
        self, provider: str | None, operation_id: str, host: str = ""
    ) -> JobRecord | None:
        """Return the job that an operation belongs to; None where it is not known.

        Args:
            provider: Whose operation it is; None for anybody's, of which the newest counts.
            operation_id: The operation's.
            host: Where it was submitted; jobs whose host is not known count, too.
        """
        ...

    async def jobs(self, *, states: Sequence[JobState] = (), limit: int = 1000) -> list[JobRecord]:
        """Return jobs, newest first: those in one of the states, or all."""
        ...

    async def forget(self, job_id: str) -> bool:
        """Drop a job, in whatever state, with its media; its idempotency key is free then.

        Args:
            job_id: The job's.

        Returns:
            False where a living holder drives it, or nobody knows it: then nothing was dropped.
        """
        ...

    async def media(self, sha256: str) -> bytes:
        """Return bytes that an open job's request refers to.

        Raises:
            KeyError: They are not there.
        """
        ...

    async def aclose(self) -> None:
        """Let go of files and connections; the next call opens them again."""
        ...


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


AnyLedger = Ledger | str | os.PathLike[str]
"""As users name a ledger: an object, a URL such as `sqlite:///jobs.db`, or the path of such a file.
"""
