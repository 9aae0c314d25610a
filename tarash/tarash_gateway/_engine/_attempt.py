"""What one attempt did, kept while it runs: above all the facts about money.

`apply` is their only writer: whoever learns something says it as an event, which goes on from there
to the ledger, the log and those who observe.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from .._data._events import (
    Accepted,
    Adopted,
    AttemptEvent,
    CancelAnswered,
    CancelAsked,
    Polled,
    Rejected,
    Settled,
    Submitting,
    Unknown,
)
from .._data._hints import check_dashboard
from .._http._parts import Parts
from .._support._logging import event as log_event
from .._support._logging import wanted
from .._support._loops import current_time
from .._support._secrets import NO_SECRETS, Secrets, secrets_of
from ..exceptions import CircuitOpenError, TarashException
from ..models import AttemptMetadata
from ._answered_end import AnsweredEnd
from ._audience import Audience, log_of
from ._money import Money, later_word
from ._reading import LastReading
from ._recording import heard_of, record

if TYPE_CHECKING:
    import anyio

    from .._data._exchange import Call, Operation, RawResult, Response
    from .._data._money import Cost
    from .._data._types import Billing, CancelAnswer, JobStatus, JsonObject, Submission
    from ..ledger._contract import Intent, Outcome
    from ._breakers import BreakerPermit
    from ._slot_queue import SlotTicket


@dataclass(slots=True)
class Attempt:
    """The facts of one attempt; those of another process are given on construction."""

    call: Call
    audience: Audience = field(default_factory=Audience)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=time.monotonic)
    """By the clock of event loops, which is this one."""
    submission: Submission | None = None
    operation: Operation | None = None
    answered_end: AnsweredEnd = field(default_factory=AnsweredEnd)
    """What the answer to its submit says of the job's end."""
    status: JobStatus | None = None
    """What the job was last seen as; None before the first poll."""
    done: bool = False
    """Whether its status says that it is done, so that only its result is left to be fetched."""
    settled: bool = False
    """Whether the provider has said how it ended: nothing is billed behind our back after that."""
    cancel: CancelAnswer | None = None
    billing_told: Billing | None = None
    fitted: Call | None = None
    """The call as it was adapted to the model; None until that is done."""
    lighten: Callable[[Call], Call] | None = None  # which lets go of media that were sent
    intent: Intent | None = None
    """What the ledger has of it from before the submit."""
    finished: RawResult | None = None
    """The result, where the provider answered the submit with it."""
    adopted: bool = False
    """Whether the submit's answer was lost, and the job found in the provider's list."""
    named: bool = False
    """Whether its provider has called about it, at an address that only this submit gave out."""
    cut_off: bool = False
    """Whether its process ended in the middle of the submit, so that no word of it was kept."""
    stopped: bool = False
    """Whether the user has stopped it by a handle."""
    deadline: float | None = None
    """By the clock of the event loop; None until somebody waits."""
    limits: list[anyio.CancelScope] = field(default_factory=list)
    """What ends it in time; put off while a finished result is read."""
    fetch_until: float | None = None
    """When that has to be over; None until there was one."""
    parts: Parts = field(default_factory=Parts)
    """What came of results whose bodies broke off."""
    secrets: Secrets = field(default=NO_SECRETS, repr=False)
    """What must not be shown of whatever a provider says, the environment's key among them."""
    host: str = ""
    """Where it is submitted."""
    tries: int = 0
    """How often the submit was refused in a way that lets it leave again."""
    retry_at: datetime | None = None
    """When it may leave again."""
    outcome: Outcome | None = None
    """How it ended, as it was written into the ledger."""
    is_concluded: bool = False
    """Whether that was concluded from what its process had heard, and is not in the ledger yet."""
    heard: JsonObject = field(default_factory=dict)
    """What was written into the ledger before that."""
    verdict: TarashException | None = None
    """Why it failed, where another process has written that down."""
    response: Response | None = None
    """What it came to, which nobody may have got yet."""
    read: LastReading = field(default_factory=LastReading)
    called_back: bool = False
    """Whether its provider was asked to call back."""
    money: Money = field(default_factory=Money)
    """What it may cost, would cost, and has cost."""
    place: SlotTicket | None = None
    """Its place among the jobs in flight of its account, where those are limited."""
    is_superseded: bool = False
    """Whether another attempt was faster, so that this one is stopped, whatever its config says."""
    accepted: asyncio.Event | None = None
    """Set when a provider has accepted; None where nobody waits for that."""
    is_queued: bool = False
    """Whether its job stays in the queue where the ledger fails before it leaves."""
    ledger_failed: bool = False
    """Whether the ledger has not taken, or not answered, what is written down before it leaves."""
    permit: BreakerPermit | None = None
    """Through the circuit of its provider, where there is a breaker."""

    @property
    def request_id(self) -> str:
        """The provider's job id where there is one, else ours."""
        return self.operation.id if self.operation is not None else self.call.request_id

    @property
    def is_over(self) -> bool:
        """Whether another process has written down that it has failed for good."""
        return self.verdict is not None and self.outcome in ("failed", "cancelled")

    @property
    def is_unfinished(self) -> bool:
        """Whether there is something to wait for, to look for, or to send once more."""
        if self.is_over:
            return False

        in_a_pause = self.retry_at is not None and self.intent is None
        return in_a_pause or (self.unsafe and not self.settled)

    @property
    def is_left(self) -> bool:
        """Whether it waits in the queue for a ledger that failed; nothing of it has left."""
        is_new = self.operation is None and self.finished is None and not self.settled
        is_safe = self.submission in (None, "not_sent", "rejected")
        return self.is_queued and self.ledger_failed and is_new and is_safe

    @property
    def is_certain(self) -> bool:
        """Whether the job is certainly ours: one that a list shows may be somebody else's."""
        return not self.adopted or self.named

    @property
    def unsafe(self) -> bool:
        """Whether another attempt might buy twice what this one may still be making."""
        if self.submission == "unknown":
            return True

        return self.submission == "accepted" and not self.settled and self.cancel != "cancelled"

    def billing(self, *, success: bool) -> Billing:
        """Return what this attempt costs, as far as anybody can know."""
        if self.call.mocked:
            return "none"

        if success or self.response is not None or self.outcome == "completed":
            return "certain"  # also where nobody has taken the result, as of a slower hedge

        if self.submission in (None, "not_sent", "rejected"):
            return "none"

        if self.billing_told is not None:
            return self.billing_told

        is_made = (self.done and not self.settled) or self.cancel == "too_late"
        return "certain" if is_made else "possible"

    def metadata(self, error: TarashException | None) -> AttemptMetadata:
        """Return the facts as users see them."""
        config = self.call.config
        return AttemptMetadata(
            provider=config.provider,
            model=config.model,
            attempt_number=self.call.attempt_number,
            started_at=self.started_at,
            ended_at=datetime.now(UTC),
            elapsed_seconds=current_time() - self.started,
            status=_status(error),
            error_type=None if error is None else type(error).__name__,
            error_message=None if error is None else error.message,
            is_retryable=None if error is None else error.retryable,
            request_id=self.request_id,
            submission=self.submission or (error.submission if error else None),
            billing=self.billing(success=error is None),
            cancel=self.cancel,
            adopted=self.adopted,
            cost=self.cost_of(success=error is None),
        )

    def cost_of(self, *, success: bool) -> Cost | None:
        """Return what it has cost, or may cost; None where nobody knows."""
        return self.money.cost_of(self.billing(success=success))

    def complete(self, error: TarashException) -> None:
        """Put the facts on the error that whoever raised it could not know."""
        config = self.call.config
        error.provider = error.provider or config.provider
        error.model = error.model or config.model
        error.request_id = error.request_id or self.request_id
        error.submission = self.submission or error.submission
        error.name_subject(config.provider)
        if error.submission == "unknown" and not error.advises("check_dashboard"):
            error.amend(after="; a job may run and be billed", hints=[check_dashboard()])

        if error.operation is None and self.operation is not None:
            error.operation = self.operation.to_json()

    async def apply(
        self,
        event: AttemptEvent,
        *,
        intent: Intent | None = None,
        finished: RawResult | None = None,
        response: Response | None = None,
    ) -> None:
        """Take note of what has happened, write it down, and pass it on.

        The facts have changed before this waits for anything, so that a cancellation finds them.

        Args:
            event: What has happened, without the facts that all events have.
            intent: For `Submitting`: what is written down before the submit leaves. For `Unknown`:
                what was written down of a try that was refused, it seemed.
            finished: For `Accepted`: the result, where the answer was the result itself.
            response: What it came to, where that is known.

        Raises:
            TarashException: For `Submitting`: the ledger did not take it, so nothing may be sent.
        """
        if isinstance(event, Submitting):
            # A cancelled call may have written it all the same.
            self.intent = intent
        else:
            self.intent = self.intent or intent

        self.response = response or self.response
        self.take(event, finished)
        if isinstance(event, Polled):  # of which nothing is written down
            self.announce(event)
            return

        try:
            await record(self, event)
        except (Exception, asyncio.CancelledError):
            if isinstance(event, Submitting):
                raise

            self.announce(event)
            raise

        self.announce(event)

    def take(self, event: AttemptEvent, finished: RawResult | None = None) -> None:
        """Take note of what has happened, and no more: for what is heard in the middle of a poll.

        The event that the poll ends in says it to everybody else.
        """
        if not isinstance(event, Polled):
            self._take_submission(event, finished)
            self.heard |= heard_of(event)

        self._take_progress(event)

    def _take_submission(self, event: AttemptEvent, finished: RawResult | None) -> None:
        match event:
            case Accepted():
                self.submission, self.finished = "accepted", finished
                self.operation = event.operation or self.operation
                self.settled = self.settled or event.finished
            case Rejected():
                self.submission, self.retry_at = event.submission, event.retry_at
                self.tries = max(self.tries, event.tries)
            case Unknown():
                self.submission = "unknown"
            case Adopted():
                self.submission, self.operation, self.adopted = "accepted", event.operation, True
                self.named = event.named
            case _:
                pass

        if self.accepted is not None and self.operation is not None:
            self.accepted.set()

    def _take_progress(self, event: AttemptEvent) -> None:
        match event:
            case Polled():
                self.status = event.status
                self.done = self.done if event.result_ready is None else event.result_ready
                self.settled = self.settled or event.final
                self.billing_told = later_word(self.billing_told, event.billing)
            case CancelAsked():
                self.stopped = self.stopped or event.reason == "handle"
            case CancelAnswered():
                self.cancel = event.answer
                # However its end is worded after that.
                self.billing_told = later_word(self.billing_told, event.billing)
            case Settled():
                self.outcome, self.submission = event.outcome, self.submission or event.submission

    def announce(self, event: AttemptEvent) -> None:
        """Pass an event on to the log and to those who observe."""
        log_of(self, event)
        audience = self.audience
        audience.has_ended = isinstance(event, Settled)
        if not audience.observers:
            return

        audience.observers.notify(self._about(event))

    def conclude(self, state: str) -> None:
        """Pass on where the job stands that is driven no further, to those who ask for it."""
        if self.audience.observers:
            self.audience.observers.conclude(self._about(AttemptEvent()), state)

    def _about(self, event: AttemptEvent) -> AttemptEvent:
        lease = self.audience.lease
        return replace(
            event,
            job_id="" if lease is None else lease.job_id,
            request_id=self.request_id,
            attempt_number=self.call.attempt_number,
            kind=self.call.kind,
            labels=self.call.labels,
            provider=self.call.config.provider,
            model=self.call.config.model,
            operation_id=None if self.operation is None else self.operation.id,
            elapsed=round(max(0.0, time.monotonic() - self.started), 3),
            watched=lease is not None and lease.is_watcher and bool(lease.job_id),
        )

    def leave(self) -> None:
        """End the call, where an observer has asked for that."""
        if self.audience.observers is not None:
            self.audience.observers.leave()

    def log(self, level: int, name: str, **facts: Any) -> None:
        """Log a state change with the ids that every event carries."""
        if not wanted(level):
            return

        log_event(
            level,
            name,
            self.audience.line,
            request_id=self.request_id,
            provider=self.call.config.provider,
            model=self.call.config.model,
            attempt=self.call.attempt_number,
            operation_id=self.operation.id if self.operation is not None else None,
            elapsed=round(current_time() - self.started, 3),
            **facts,
        )


def _status(error: TarashException | None) -> Literal["success", "failed", "skipped"]:
    was_skipped = isinstance(error, CircuitOpenError)
    return "success" if error is None else "skipped" if was_skipped else "failed"


def unforeseen(error: Exception, attempt: Attempt) -> tuple[TarashException, BaseException]:
    """Return the error for what nobody foresaw, and its cause without secrets."""
    secrets = attempt.secrets.and_of(secrets_of(attempt.call.config))
    message = f"Unforeseen {type(error).__name__}: {secrets.text(str(error))}"
    submission = attempt.submission or "not_sent"
    return TarashException(message, submission=submission), secrets.error(error)
