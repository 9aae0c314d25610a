"""What happens to one attempt, as events: plain data, without secrets, for whoever observes.

An attempt changes by these events only. Each says who it is about, and the facts that are new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from .._support._dataclass import dataclass
from ._exchange import Operation
from ._money import Cost
from ._types import Billing, CancelAnswer, JobStatus, JsonObject, Kind, Outcome, Submission

CancelReason = Literal["handle", "deadline", "cancelled"]
"""Why a provider is asked to stop a job: by `cancel` of a handle, at the deadline, or because the
task that waited for it was cancelled.
"""


class ErrorFacts(TypedDict):
    """An error as plain data."""

    type: str
    """The name of its class."""
    message: str
    code: str
    """A stable word for what went wrong."""
    field: str | None
    """The field of the request or the config that is wrong, where one is."""
    provider: str | None
    model: str | None
    request_id: str | None
    retryable: bool
    submission: Submission | None
    operation: JsonObject | None
    status_code: NotRequired[int | None]
    timeout_seconds: NotRequired[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEvent:
    """Something that happened to one attempt: what all events have in common.

    Attributes:
        job_id: The job's id in its ledger, for `resume`; empty for a job that came from a token.
        request_id: The provider's job id where there is one, else ours.
        attempt_number: Which attempt of its job it is, from 1.
        kind: What it makes.
        provider: Who makes it.
        model: The model's id.
        operation_id: The provider's job id; None until a provider has accepted.
        at: When it happened, in UTC.
        elapsed: Seconds since this process began with the attempt.
        watched: Whether this call only waits for a job that another call or process drives.
        labels: The labels that the user gave the job.
    """

    job_id: str = ""
    request_id: str = ""
    attempt_number: int = 1
    kind: Kind = "video"
    provider: str = ""
    model: str = ""
    operation_id: str | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    elapsed: float = 0.0
    watched: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStarted(AttemptEvent):
    """An attempt begins, or goes on.

    Attributes:
        resumed: Whether another call or process has begun it.
    """

    resumed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitting(AttemptEvent):
    """The submit is written down and about to leave; also before each further try.

    Attributes:
        tries: How often it was refused before in a way that lets it leave again.
    """

    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted(AttemptEvent):
    """The provider has accepted: from here on there is something to pay for.

    Attributes:
        operation: The job; None where the answer was the result itself.
        finished: Whether the answer was the result itself.
    """

    operation: Operation | None = None
    finished: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected(AttemptEvent):
    """The submit bought nothing.

    Attributes:
        submission: `rejected`, or `not_sent` where it never left.
        error: What the provider answered, or why it did not leave; None where it was stopped.
        tries: How often it was refused so far.
        retry_at: When it leaves again, in UTC; None where it does not.
        pause: Seconds until then.
    """

    submission: Literal["rejected", "not_sent"] = "rejected"
    error: ErrorFacts | None = None
    tries: int = 0
    retry_at: datetime | None = None
    pause: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(AttemptEvent):
    """The submit has left, and it is not known what came of it: there may be a job to pay for.

    Attributes:
        error: What was heard in place of an answer, if anything.
    """

    error: ErrorFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted(AttemptEvent):
    """The submit's answer was lost, and the job was found in the provider's list.

    Attributes:
        operation: The job.
        named: Whether its provider has named it itself, at an address that only this submit gave
            out: then it is certainly ours.
    """

    operation: Operation
    named: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled(AttemptEvent):
    """The provider was asked where the job stands, or said so by itself.

    Attributes:
        status: Where it stands, as far as is known.
        progress: Percent, where the provider says so.
        queue_position: Its place in the provider's queue, where the provider says so.
        final: Whether the provider has said how the job ended.
        billing: What a failed job costs, where the provider's rules say so.
        result_ready: Whether the job is done, so that only its result is left to be fetched; None
            where that was not asked.
        trouble: What kept the poll from being answered; None for an answer.
        raw: What the provider answered.
    """

    status: JobStatus
    progress: float | None = None
    queue_position: int | None = None
    final: bool = False
    billing: Billing | None = None
    result_ready: bool | None = None
    trouble: str | None = None
    raw: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAsked(AttemptEvent):
    """The provider is about to be asked to stop the job.

    Attributes:
        reason: Why.
        error: What the attempt ends in, where its time was up.
    """

    reason: CancelReason
    error: ErrorFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAnswered(AttemptEvent):
    """What the provider said to that.

    Attributes:
        answer: `unsupported` also where it said nothing.
        billing: What the job costs, where the provider's words prove that: `none` where it had not
            begun. None where nobody says.
    """

    answer: CancelAnswer
    billing: Billing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled(AttemptEvent):
    """The attempt has ended, as far as this call drives it; the last of its events.

    An attempt that was left twice, such as by a second Ctrl-C, may be settled a second time, when
    more is known of it.

    Attributes:
        outcome: How: `completed`, `failed`, `cancelled` (nothing runs any more), `detached` (the
            job may still run) or `unknown` (there may be a job that nobody can name).
        submission: How its submit ended; None where nothing was about to be submitted.
        billing: Whether it costs money, as far as anybody can know.
        cancel: What the provider said when it was asked to stop the job.
        error: Why it failed; None for a result, and for a task that was cancelled.
        cost: What it has cost, or may cost where `billing` is `possible`; None where nobody knows.
    """

    outcome: Outcome
    submission: Submission | None = None
    billing: Billing = "none"
    cancel: CancelAnswer | None = None
    error: ErrorFacts | None = None
    cost: Cost | None = None
